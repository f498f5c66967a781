"""Least, greatest and sum of inner tensors as outputs, so that the tensors themselves need not leave the runtime.

Rules:
    1. Each named tensor is reduced over all axes but that of its samples, by ReduceMin, ReduceMax and ReduceSum, whose
       results become outputs after those that are there.
    2. They stand right behind the node that makes the tensor, whose values then still lie in the processor's cache.
    3. The sum is there for its NaN alone: onnxruntime's ReduceMin and ReduceMax pass over one, a sum cannot. It is left
       out where a NaN would show in a named tensor behind (`nans`).
    4. Feature maps that are never negative (behind Relu, or Clip from zero) go through GlobalMaxPool and
       GlobalAveragePool first, which onnxruntime runs in the layout of its convolutions; any other look at them would
       have it write them once more. Their least value is not asked for: zero bounds it. What a pool or a concatenation
       makes of them is never negative either.
    5. Only float32 tensors, of two axes at least, whose sizes are known but for their samples, in a graph of opset 18
       at least, which takes axes as an input: others are left out. (A Size in the graph would be such another look.)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, cast

import numpy as np
import onnx_ir as ir

from lightning_trt.passes.nans import is_shown_behind
from lightning_trt.passes.opset import opset_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Reduced", "reduce_extremes"]

_LEAST_OPSET = 18
_FEATURE_MAPS = 4
_PARTS = {"low": "ReduceMin", "high": "ReduceMax", "total": "ReduceSum"}
_PASSING = {"AveragePool", "Concat", "MaxPool"}
"""Operators that make nothing negative of what is not."""
_POOLS = {"high": "GlobalMaxPool", "total": "GlobalAveragePool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """Names of the outputs that tell of one tensor, each of shape `(samples,)`; each tells of `values` values.

    `low` is None where zero bounds the tensor from below (rule 4), `total` where another's shows a NaN too (rule 3).
    """

    low: str | None = None
    high: str
    total: str | None = None
    values: int


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
        sizes = [size for each, size in enumerate(value.shape or ()) if each != axis]
        if value.dtype == ir.DataType.FLOAT and sizes and all(isinstance(size, int) for size in sizes):
            parts = set(_PARTS) - ({"total"} if is_shown_behind(value, sample_axes) else set())
            values = prod(cast("list[int]", sizes))
            outputs[name] = Reduced(**_add(reduced.graph, value, axis=axis, parts=parts), values=values)
    return reduced, outputs


def _add(graph: ir.Graph, value: ir.Value, *, axis: int, parts: Collection[str]) -> dict[str, str]:
    """Names of the outputs that were added for `value`, by part; of `parts`, what is needed."""
    maker, rank = cast("ir.Node", value.producer()), len(value.shape or ())
    others = np.array([each for each in range(rank) if each != axis], np.int64)
    axes = ir.Value(name=f"{value.name}/axes", const_value=ir.tensor(others, name=f"{value.name}/axes"))
    graph.register_initializer(axes)
    pools = _POOLS if rank == _FEATURE_MAPS and axis == 0 and _is_never_negative(value) else {}
    added, shown = [], {}
    for part, operator in _PARTS.items():
        if part not in (pools or _PARTS) or part not in parts:
            continue
        pooled = [ir.node(pools[part], [value])] if pools else []
        shown[part] = ir.node(operator, [pooled[0].outputs[0] if pooled else value, axes], {"keepdims": 0})
        added += [*pooled, shown[part]]
    graph.insert_after(maker, added)
    return {part: _show(graph, node.outputs[0], name=f"{value.name}/{part}") for part, node in shown.items()}


def _show(graph: ir.Graph, value: ir.Value, *, name: str) -> str:
    """`name`, under which `value` is an output of the graph now."""
    value.name = name
    value.dtype = ir.DataType.FLOAT
    graph.outputs.append(value)
    return name


def _is_never_negative(value: ir.Value | None) -> bool:
    """Whether `value` is known to be zero at least."""
    maker = None if value is None else value.producer()
    if maker is None:
        return False
    if maker.op_type in _PASSING:
        return all(_is_never_negative(each) for each in maker.inputs)
    if maker.op_type == "Clip" and len(maker.inputs) > 1 and maker.inputs[1] is not None:
        least = ir.convenience.get_const_tensor(maker.inputs[1])
        return least is not None and bool((least.numpy() >= 0).all())
    return maker.op_type == "Relu"
