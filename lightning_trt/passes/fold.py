"""What is known before the graph runs is computed once.

Rules:
    1. A node that moves or converts data, and whose inputs are all initializers, becomes an initializer. Nodes that
       multiply data (`Expand`, `Tile`) stay.
    2. A `BatchNormalization` that alone reads a convolution goes into the convolution's weight and bias. The result
       keeps the batch norm's name, under which torch knows the tensor. Convolutions that share weight and batch norm
       share the folded weight too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx_ir import to_proto

from lightning_trt.passes.initializers import array_of, is_constant, put

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

__all__ = ["fold"]

_MOVES = frozenset(
    {"Cast", "Concat", "Flatten", "Gather", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
)
_CHANNEL_AXIS = {"Conv": 0, "ConvTranspose": 1}

Folded = dict[tuple[str | None, ...], tuple["ir.Value", "ir.Value"]]


def fold(model: ir.Model) -> ir.Model:
    """The same function with constants computed and batch norms folded (rules 1 and 2)."""
    folded = model.clone()
    graph = folded.graph
    for node in tuple(graph):
        if node.op_type in _MOVES and node.domain == "":
            _fold_move(graph, node)
    pairs: Folded = {}
    for node in tuple(graph):
        if node.op_type == "BatchNormalization" and _is_foldable(node):
            _fold_batch_norm(graph, node, pairs)
    return folded


def _fold_move(graph: ir.Graph, node: ir.Node) -> None:
    """Rule 1."""
    used = [value for value in node.inputs if value is not None]
    if not all(is_constant(value) for value in used) or any(value.is_graph_output() for value in node.outputs):
        return
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - slow: a training script imports the callback

    evaluator = ReferenceEvaluator(to_proto(node), opsets=dict(graph.opset_imports))
    arrays = evaluator.run(None, {str(value.name): array_of(value) for value in used})
    for output, array in zip(node.outputs, arrays, strict=True):
        name = str(output.name)
        output.name = None
        output.replace_all_uses_with(put(graph, name, np.asarray(array)))
    graph.remove(node, safe=True)


def _is_foldable(norm: ir.Node) -> bool:
    """Rule 2: whether a convolution of constant weight feeds the batch norm and nothing else."""
    source = norm.inputs[0]
    conv = None if source is None else source.producer()
    if source is None or conv is None or conv.op_type not in _CHANNEL_AXIS or len(source.uses()) > 1:
        return False
    grouped = conv.op_type == "ConvTranspose" and (group := conv.attributes.get("group")) and group.as_int() > 1
    constants = (*conv.inputs[1:], *norm.inputs[1:])
    is_known = all(value is None or is_constant(value) for value in constants)
    return is_known and not grouped and not source.is_graph_output() and len(norm.outputs) == 1


def _fold_batch_norm(graph: ir.Graph, norm: ir.Node, pairs: Folded) -> None:
    """Rule 2."""
    source, output = norm.inputs[0], norm.outputs[0]
    conv = source.producer() if source is not None else None
    if source is None or conv is None:
        return
    key = tuple(None if value is None else value.name for value in (*conv.inputs[1:], *norm.inputs[1:]))
    if key not in pairs:
        weight, bias = _folded(conv, norm)
        name = str(conv.inputs[1].name) if conv.inputs[1] is not None else "weight"
        pairs[key] = (put(graph, f"{name}_folded", weight), put(graph, f"{name}_folded_bias", bias))
    conv.resize_inputs(3)
    for index, value in enumerate(pairs[key], start=1):
        conv.replace_input_with(index, value)
    known_as = output.name
    output.name = None
    output.replace_all_uses_with(source, replace_graph_outputs=True)
    source.name = known_as
    graph.remove(norm, safe=True)


def _folded(conv: ir.Node, norm: ir.Node) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Weight and bias of the convolution with the batch norm in it."""
    scale, shift, mean, variance = (
        array_of(value).astype(np.float64) for value in norm.inputs[1:] if value is not None
    )
    epsilon = norm.attributes["epsilon"].as_float() if "epsilon" in norm.attributes else 1e-5
    weight, bias = (array_of(value) if value is not None else None for value in (*conv.inputs[1:], None)[:2])
    if weight is None:
        raise ValueError(f"{conv.op_type} {conv.name} has no weight.")
    factor = scale / np.sqrt(variance + epsilon)
    along = [1] * weight.ndim
    along[_CHANNEL_AXIS[conv.op_type]] = -1
    offset = (0.0 if bias is None else bias.astype(np.float64)) - mean
    scaled = weight.astype(np.float64) * factor.reshape(along)
    return scaled.astype(weight.dtype), (offset * factor + shift).astype(weight.dtype)
