"""Least, greatest and sum of inner tensors as outputs, so that the tensors themselves need not leave the runtime.

Rules:
    1. Each named tensor is reduced over all axes but that of its samples, by ReduceMin, ReduceMax and ReduceSum, whose
       results become outputs after those that are there; its number of values becomes one by Size.
    2. They stand right behind the node that makes the tensor, whose values then still lie in the processor's cache.
    3. The sum is there for its NaN alone: onnxruntime's ReduceMin and ReduceMax pass over one, a sum cannot.
    4. Feature maps that are never negative (behind Relu, or Clip from zero) go through GlobalMaxPool and
       GlobalAveragePool first, which onnxruntime runs in the layout of its convolutions; any other look at them would
       have it write them once more. Their least value is not asked for: zero bounds it.
    5. Only float32 tensors, of two axes at least, in a graph of opset 18 at least, which takes axes as an input: others
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
_FEATURE_MAPS = 4
_PARTS = {"low": "ReduceMin", "high": "ReduceMax", "total": "ReduceSum"}
_POOLS = {"high": "GlobalMaxPool", "total": "GlobalAveragePool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """Names of the outputs that tell of one tensor, each of shape `(samples,)` but `size`, a scalar.

    `low` is None where zero bounds the tensor from below (rule 4).
    """

    low: str | None = None
    high: str
    total: str
    size: str


def reduce_extremes(model: ir.Model, sample_axes: Mapping[str, int]) -> tuple[ir.Model, dict[str, Reduced]]:
    """The graph with extremes of tensors among its outputs, and their names by tensor (rules 1 to 5).

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
    maker, rank = cast("ir.Node", value.producer()), len(value.shape or ())
    others = np.array([each for each in range(rank) if each != axis % rank], np.int64)
    axes = ir.Value(name=f"{value.name}/axes", const_value=ir.tensor(others, name=f"{value.name}/axes"))
    graph.register_initializer(axes)
    pools = _POOLS if rank == _FEATURE_MAPS and axis == 0 and _is_never_negative(maker) else {}
    added, shown = [], {}
    for part, operator in _PARTS.items():
        if pools and part not in pools:
            continue
        pooled = [ir.node(pools[part], [value])] if pools else []
        shown[part] = ir.node(operator, [pooled[0].outputs[0] if pooled else value, axes], {"keepdims": 0})
        added += [*pooled, shown[part]]
    shown["size"] = ir.node("Size", [value])
    graph.insert_after(maker, [*added, shown["size"]])
    return Reduced(**{part: _show(graph, node.outputs[0], name=f"{value.name}/{part}") for part, node in shown.items()})


def _show(graph: ir.Graph, value: ir.Value, *, name: str) -> str:
    """`name`, under which `value` is an output of the graph now."""
    value.name = name
    value.dtype = ir.DataType.INT64 if name.endswith("/size") else ir.DataType.FLOAT
    graph.outputs.append(value)
    return name


def _is_never_negative(maker: ir.Node) -> bool:
    """Whether what the node makes is zero at least."""
    if maker.op_type == "Clip" and len(maker.inputs) > 1 and maker.inputs[1] is not None:
        least = ir.convenience.get_const_tensor(maker.inputs[1])
        return least is not None and bool((least.numpy() >= 0).all())
    return maker.op_type == "Relu"
