"""A graph in opset 17, the newest that TensorRT 8.6 reads as it is meant.

It reads later ones too, without an error and wrongly: a `ReduceMean` whose axes are an input reduces every axis.

Rules:
    1. Reductions take their axes as an attribute again; without axes they reduce none only where they are told to.
    2. `Split` into equal parts says so by its number of outputs.
    3. `Resize` and `Pad` lose what opset 18 added, where it holds the default.
    4. `Shape` of a part (opset 15) becomes `Slice` of the whole shape: TensorRT 8.6 passes over `start` and `end`.
    5. Every other operator of opset 18 is spelled in 17 as it is in 18, or does not exist there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from lightning_trt.errors import ExportError
from lightning_trt.passes.initializers import array_of, free_name, is_constant, put
from lightning_trt.passes.opset import opset_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOWERED_OPSET", "lower_opset"]

LOWERED_OPSET = 17
"""The opset that graphs are lowered to."""

_NEWEST = 19
# ReduceSum takes its axes as an input since 13.
_REDUCTIONS = frozenset(
    f"Reduce{kind}" for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")
)
_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "Resize": {"antialias": 0, "keep_aspect_ratio_policy": "stretch"},
    "QuantizeLinear": {"saturate": 1},
    "Cast": {"saturate": 1},
}
_ONLY_LATER = frozenset({"Mish", "BitwiseAnd", "BitwiseOr", "BitwiseNot", "BitwiseXor", "Col2Im", "CenterCropPad"})
_MOST_INPUTS = {"Pad": 3}
_ALL = np.iinfo(np.int64).max
"""As the end of a slice: none."""


def lower_opset(model: ir.Model) -> ir.Model:
    """The same function in opset 17, or in its own where that is older (rules 1 to 5).

    `model` is clean, in opset 19 at most.

    Raises:
        ExportError: An operator has no spelling there.
    """
    lowered = model.clone()
    for node in [each for each in lowered.graph.all_nodes() if each.op_type == "Shape"]:
        _lower_shape(lowered.graph, node)
    if opset_of(lowered) <= LOWERED_OPSET:
        return lowered
    if opset_of(lowered) > _NEWEST:
        raise ExportError(
            f"the graph is written in opset {opset_of(lowered)}; expected {_NEWEST} at most, from which it can be "
            f"spelled in {LOWERED_OPSET} for this TensorRT. Use TensorRT 10 or later, or another precision."
        )
    for node in lowered.graph.all_nodes():
        if node.domain == "":
            _lower(node)
    lowered.graph.opset_imports[""] = LOWERED_OPSET
    return RemoveUnusedNodesPass()(lowered).model


def _lower(node: ir.Node) -> None:
    if node.op_type in _ONLY_LATER or len(node.inputs) > _MOST_INPUTS.get(node.op_type, len(node.inputs)):
        raise _no_spelling(node, "it came later")
    if node.op_type in _REDUCTIONS:
        _lower_reduction(node)
    if node.op_type == "Split" and "num_outputs" in node.attributes:
        _lower_split(node)
    for name, default in _DEFAULTS.get(node.op_type, {}).items():
        if name in node.attributes and node.attributes.pop(name).value != default:
            raise _no_spelling(node, f"its {name} is not {default!r}")


def _lower_reduction(node: ir.Node) -> None:
    """Rule 1."""
    reduces_none = node.attributes.pop("noop_with_empty_axes", None)
    axes = node.inputs[1] if len(node.inputs) > 1 else None
    if axes is None:
        if reduces_none is not None and reduces_none.value:
            raise _no_spelling(node, "it reduces no axis")
        return
    if not is_constant(axes):
        raise _no_spelling(node, "its axes are computed")
    node.attributes["axes"] = ir.AttrInt64s("axes", [int(axis) for axis in array_of(axes).reshape(-1)])
    node.resize_inputs(1)


def _lower_split(node: ir.Node) -> None:
    """Rule 2; a last part that is smaller was said by nothing else."""
    node.attributes.pop("num_outputs")
    sizes = {output.shape for output in node.outputs}
    if len(sizes) > 1 or None in sizes:
        raise _no_spelling(node, "its parts are not known to be equal")


def _lower_shape(graph: ir.Graph, node: ir.Node) -> None:
    """Rule 4."""
    start, end = (node.attributes.pop(name, None) for name in ("start", "end"))
    first, behind = 0 if start is None else start.as_int(), _ALL if end is None else end.as_int()
    if (first, behind) == (0, _ALL):
        return
    part, home = node.outputs[0], node.graph or graph
    whole = ir.Value(name=free_name(graph, f"{part.name}/whole"), type=part.type)
    bounds = [put(graph, f"{part.name}/bound", np.array([bound])) for bound in (first, behind)]
    home.insert_before(node, ir.Node("", "Shape", node.inputs, outputs=[whole]))
    sliced = ir.node("Slice", [whole, *bounds])
    home.insert_after(node, sliced)
    sliced.outputs[0].shape, sliced.outputs[0].type = part.shape, part.type
    part.replace_all_uses_with(sliced.outputs[0], replace_graph_outputs=True)
    name = part.name
    home.remove(node, safe=True)
    sliced.outputs[0].name = name


def _no_spelling(node: ir.Node, why: str) -> ExportError:
    return ExportError(
        f"the operator {node.op_type} at {node.name} has no spelling in opset {LOWERED_OPSET}: {why}. This TensorRT "
        "reads no later one: use TensorRT 10 or later, or change that part of the module."
    )
