"""A graph with the inputs and outputs that an engine shall have.

Rules:
    1. A free axis that the engine has fixed gets its size, wherever it is named.
    2. An input or output in half precision keeps its name; a `Cast` stands between it and the fp32 that is behind it,
       unless what reads or makes it is a `Cast` to or from half precision already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from lightning_trt.passes.initializers import free_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["bind"]

_HALF = ir.DataType.FLOAT16
_FLOAT = ir.DataType.FLOAT


def bind(model: ir.Model, *, sizes: Mapping[str, int], half: frozenset[str]) -> tuple[ir.Model, dict[str, str]]:
    """The same function with the axes named in `sizes` fixed, and the bindings named in `half` in half precision.

    Beside it the name that the fp32 tensor behind each such binding has now, by the binding's name.
    """
    bound = model.clone()
    graph = bound.graph
    if sizes:
        _fix(graph, sizes)
    behind: dict[str, str] = {}
    for value in tuple(graph.inputs):
        if value.name in half and value.dtype is _FLOAT:
            behind |= _halve_input(graph, value)
    for index, value in enumerate(tuple(graph.outputs)):
        if value.name in half and value.dtype is _FLOAT:
            behind |= _halve_output(graph, index, value)
    return ShapeInferencePass()(bound).model, behind


def _fix(graph: ir.Graph, sizes: Mapping[str, int]) -> None:
    """Rule 1."""
    for value in (*graph.inputs, *graph.outputs):
        if value.shape is not None:
            value.shape = ir.Shape([sizes.get(_axis_name(size), size) for size in value.shape])
    for node in graph:
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = None  # it is inferred again


def _axis_name(size: int | ir.SymbolicDim) -> str:
    return "" if isinstance(size, int) else str(size.value)


def _halve_input(graph: ir.Graph, value: ir.Value) -> dict[str, str]:
    """Rule 2."""
    value.type = ir.TensorType(_HALF)
    rest = []
    for node, index in tuple(value.uses()):
        if _casts_to(node, _HALF) and not node.outputs[0].is_graph_output():
            node.outputs[0].replace_all_uses_with(value)
            graph.remove(node, safe=True)
        else:
            rest.append((node, index))
    if not rest:
        return {}
    widened = _cast(value, _FLOAT, name=free_name(graph, f"{value.name}_fp32"))
    for node, index in rest:
        node.replace_input_with(index, widened.outputs[0])
    graph.insert_before(graph[0], widened)
    return {str(value.name): str(widened.outputs[0].name)}


def _halve_output(graph: ir.Graph, index: int, value: ir.Value) -> dict[str, str]:
    """Rule 2."""
    name = str(value.name)
    maker = value.producer()
    source = None if maker is None else maker.inputs[0]
    if maker is not None and source is not None and _casts_to(maker, _FLOAT) and _can_be_output(source):
        value.name = free_name(graph, f"{name}_fp32")
        source.name = name
        graph.outputs[index] = source
        return {}
    value.name = free_name(graph, f"{name}_fp32")
    narrowed = _cast(value, _HALF, name=name)
    graph.append(narrowed)
    graph.outputs[index] = narrowed.outputs[0]
    return {name: str(value.name)}


def _can_be_output(value: ir.Value) -> bool:
    return value.dtype is _HALF and value.producer() is not None and not value.is_graph_output()


def _casts_to(node: ir.Node, dtype: ir.DataType) -> bool:
    return node.op_type == "Cast" and node.domain == "" and node.attributes["to"].as_int() == int(dtype)


def _cast(value: ir.Value, dtype: ir.DataType, *, name: str) -> ir.Node:
    node = ir.node("Cast", [value], {"to": int(dtype)}, name=name, num_outputs=1)
    made = node.outputs[0]
    made.name, made.shape, made.type = name, value.shape, ir.TensorType(dtype)
    return node
