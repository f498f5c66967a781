"""The exported program, with the tensors that will carry Q/DQ in sight.

The names of its nodes are those of the graph's tensors, so that no table is needed.
"""

from __future__ import annotations

from operator import getitem
from typing import TYPE_CHECKING

from lightning_trt.passes import quantized_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import onnx_ir as ir
    import torch
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import GraphModule, Node

    from lightning_trt.artifacts import OnnxGraph

__all__ = ["watched", "why_not_walked"]

_NAMED = 3


def why_not_walked(graph: OnnxGraph) -> str | None:
    """Why torch cannot show the tensors of `graph` that will carry Q/DQ, as half a sentence; None where it can."""
    if graph.program is None:
        return "the exporter kept no program of it"
    made = {str(value.name): value for node in graph.model.graph for value in node.outputs}
    nodes = _makers(graph, graph.program.graph.nodes)
    missing = [name for name in quantized_tensors(graph.model) if name in made and not _is_same(made[name], nodes)]
    if not missing:
        return None
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return f"its program shows no {', '.join(missing[:_NAMED])}{more}"


def watched(graph: OnnxGraph, *, device: torch.device, look: Callable[[str, Tensor], None]) -> GraphModule:
    """The program of `graph` on `device`, which calls `look` with the name and value of each tensor that is asked for.

    Those are the tensors that will carry Q/DQ. The module takes the boundary's inputs in their order. The program is
    moved, not copied.
    """
    module = _moved(graph, device).module()
    names = quantized_tensors(graph.model)
    nodes = _makers(graph, module.graph.nodes)
    for node in list(module.graph.nodes):
        if node.op == "call_module":
            # Guards of the shapes that were exported, which cost more than small layers.
            module.graph.erase_node(node)
    for name in names:
        with module.graph.inserting_after(nodes[name]):
            module.graph.call_function(look, (name, nodes[name]))
    _leave_out_the_unused(module)
    module.recompile()
    return module


def _moved(graph: OnnxGraph, device: torch.device) -> ExportedProgram:
    from torch.export.passes import move_to_device_pass  # noqa: PLC0415 - opened with the first block

    if graph.program is None:
        raise RuntimeError("a graph without a program is not walked; ask why_not_walked first.")
    return move_to_device_pass(graph.program, device)


def _makers(graph: OnnxGraph, nodes: Iterable[Node]) -> dict[str, Node]:
    """The node that makes a tensor, by the tensor's name; inputs and outputs have the names that the boundary gives."""
    listed = list(nodes)
    named = {node.name: node for node in listed}
    signature = graph.program.graph_signature if graph.program else None
    inputs, outputs = (signature.user_inputs, signature.user_outputs) if signature else ((), ())
    given = zip(graph.boundary.inputs, inputs, strict=False)
    taken = zip(graph.boundary.outputs, outputs, strict=False)
    known = {spec.name: named[str(name)] for spec, name in (*taken, *given) if str(name) in named}
    return named | known


def _is_same(value: ir.Value, nodes: dict[str, Node]) -> bool:
    """Whether the node of that name gives a tensor of the shape of `value`, as far as it is known."""
    node = nodes.get(str(value.name))
    shape = getattr(node.meta.get("val"), "shape", None) if node is not None else None
    if shape is None or value.shape is None or len(shape) != len(value.shape):
        return False
    pairs = zip(shape, value.shape, strict=True)
    return all(one == other for one, other in pairs if isinstance(one, int) and isinstance(other, int))


def _leave_out_the_unused(module: GraphModule) -> None:
    """Nothing; parameters that no layer reads are not fetched. What else stands in the graph may be there to be run."""
    for node in reversed(list(module.graph.nodes)):
        if not node.users and (node.op == "get_attr" or node.target is getitem):
            module.graph.erase_node(node)
