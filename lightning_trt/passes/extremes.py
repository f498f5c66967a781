"""Least, greatest and sum of inner tensors as outputs, so that the tensors themselves need not leave the runtime.

Rules:
    1. Each named tensor is reduced over all axes but that of its samples, by ReduceMin, ReduceMax and ReduceSum, whose
       results become outputs after those that are there; its number of values becomes one by Size.
    2. They stand right behind the node that makes the tensor, whose values then still lie in the processor's cache.
    3. The sum is there for its NaN alone: onnxruntime's ReduceMin and ReduceMax pass over one, a sum cannot.
    4. Only float32 tensors, of two axes at least, in a graph of opset 18 at least, which takes axes as an input: others
       are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import onnx_ir as ir

from lightning_trt.passes.opset import opset_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Reduced", "reduce_extremes"]

_LEAST_OPSET = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """Names of the outputs that tell of one tensor, each of shape `(samples,)` but `size`, a scalar."""

    low: str
    high: str
    total: str
    size: str


def reduce_extremes(model: ir.Model, sample_axes: Mapping[str, int]) -> tuple[ir.Model, dict[str, Reduced]]:
    """The graph with extremes of tensors among its outputs, and their names by tensor (rules 1 to 4).

    `sample_axes` holds the axis of the samples by name of a tensor that a node makes.
    """
    reduced = model.clone()
    if opset_of(reduced) < _LEAST_OPSET:
        return reduced, {}
    inner = {str(value.name): value for node in reduced.graph for value in node.outputs}
    outputs = {}
    for name, axis in sample_axes.items():
        value = inner[name]
        if value.dtype == ir.DataType.FLOAT and value.shape is not None and len(value.shape) > 1:
            outputs[name] = _add(reduced.graph, value, axis=axis)
    return reduced, outputs


def _add(graph: ir.Graph, value: ir.Value, *, axis: int) -> Reduced:
    """Names of the outputs that were added for `value`."""
    rank = len(value.shape or ())
    others = np.array([each for each in range(rank) if each != axis % rank], np.int64)
    axes = ir.Value(name=f"{value.name}/axes", const_value=ir.tensor(others, name=f"{value.name}/axes"))
    graph.register_initializer(axes)
    nodes = {
        part: ir.node(operator, [value, axes], {"keepdims": 0})
        for part, operator in (("low", "ReduceMin"), ("high", "ReduceMax"), ("total", "ReduceSum"))
    } | {"size": ir.node("Size", [value])}
    graph.insert_after(cast("ir.Node", value.producer()), nodes.values())
    for part, node in nodes.items():
        result = node.outputs[0]
        result.name = f"{value.name}/{part}"
        result.dtype = ir.DataType.INT64 if part == "size" else ir.DataType.FLOAT
        graph.outputs.append(result)
    return Reduced(**{part: str(node.outputs[0].name) for part, node in nodes.items()})
