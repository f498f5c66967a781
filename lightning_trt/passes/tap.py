"""Inner tensors as outputs.

Rules:
    1. Each named tensor becomes an output of its own name, after the outputs that are there.
    2. What is an input or an output already is not added again: the caller has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.errors import SettingsError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = ["tap"]


def tap(model: ir.Model, names: Iterable[str]) -> ir.Model:
    """The graph with the tensors `names` among its outputs (rules 1 and 2).

    Raises:
        SettingsError: The graph has no tensor of that name.
    """
    tapped = model.clone()
    graph = tapped.graph
    inner = {str(value.name): value for node in graph for value in node.outputs}
    present = {value.name for value in (*graph.inputs, *graph.outputs)}
    for name in dict.fromkeys(names):
        if name in present:
            continue
        if name not in inner:
            raise SettingsError(f"the graph has no tensor {name!r}. {nearest(name, inner)}")
        graph.outputs.append(inner[name])
    return tapped
