"""A graph without what exporters leave behind: one spelling for each thing, so that later passes need to know one.

Rules:
    1. Functions are inlined: every node is an ONNX operator.
    2. `Constant` nodes become initializers.
    3. `Identity` is dropped (shared weights hide behind it); names of inputs and outputs stay.
    4. What depends on initializers alone is folded, and batch norms go into their convolutions (`fold`).
    5. Nodes, initializers and opsets that nothing uses are removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes.common import (
    InlinePass,
    LiftConstantsToInitializersPass,
    RemoveUnusedNodesPass,
    RemoveUnusedOpsetsPass,
)

from lightning_trt.passes.fold import fold

if TYPE_CHECKING:
    from onnx_ir import Model

__all__ = ["clean"]


def clean(model: Model) -> Model:
    """The same function with the same input and output names, in normal form (rules 1 to 5)."""
    lift = LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)
    spelled = ir.passes.Sequential(InlinePass(), lift)(model.clone()).model
    for node in tuple(spelled.graph):
        if node.op_type == "Identity" and node.domain == "":
            _drop_identity(spelled.graph, node)
    unused = ir.passes.Sequential(RemoveUnusedNodesPass(), RemoveUnusedOpsetsPass())
    return unused(fold(spelled)).model


def _drop_identity(graph: ir.Graph, node: ir.Node) -> None:
    """Rule 3; it stays where it gives an input, a constant or another output a second name as output."""
    source, output = node.inputs[0], node.outputs[0]
    if source is None:
        return
    if output.is_graph_output():
        if source.producer() is None or source.is_graph_output():
            return
        name = output.name
        output.name = None
        output.replace_all_uses_with(source, replace_graph_outputs=True)
        source.name = name
    else:
        output.replace_all_uses_with(source)
    graph.remove(node, safe=True)
