"""What layers with weights do to factors of channels.

Rules:
    1. `Conv`, `Gemm`, `MatMul` with a constant weight, and `ConvTranspose` of one group, read the channels of their
       data (a column of the weight is multiplied) and write new ones (a row of the weight, and the bias, are divided).
       Depthwise and grouped convolutions too.
    2. `LayerNormalization` over the last axis pins what it reads, and writes new channels by its scale and bias.
    3. A `MatMul` of two activations hands on the channels of the right one where the left is pinned, as the weights of
       attention are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.passes.initializers import array_of, is_constant
from lightning_trt.passes.tracing import along, attribute, lies_on

if TYPE_CHECKING:
    import onnx_ir as ir

    from lightning_trt.passes.tracing import Tracing, Written
    from lightning_trt.passes.unknowns import Unknowns

__all__ = ["conv", "gemm", "layer_norm", "matmul", "transposed_conv"]


def conv(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 1."""
    data, weight, bias = _inputs(node, 3)
    if weight is None or not is_constant(weight) or not _is_known(bias) or not lies_on(tracing.of(data), 1):
        return None
    outputs, per_group, *kernel = array_of(weight).shape
    group = attribute(node, "group", 1)
    groups = np.arange(outputs) // (outputs // group)
    columns = groups[:, None] * per_group + np.arange(per_group)
    read = np.broadcast_to(tracing.of(data).ravel(), per_group * group)
    return _weighted(node, tracing, read=read[columns].reshape(outputs, per_group, *(1 for _ in kernel)), axis=0)


def transposed_conv(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 1."""
    data, weight, bias = _inputs(node, 3)
    if weight is None or not is_constant(weight) or not _is_known(bias) or not lies_on(tracing.of(data), 1):
        return None
    if attribute(node, "group", 1) != 1:
        return None
    inputs, _, *kernel = array_of(weight).shape
    read = np.broadcast_to(tracing.of(data).ravel(), inputs)
    return _weighted(node, tracing, read=read.reshape(inputs, 1, *(1 for _ in kernel)), axis=1)


def _weighted(node: ir.Node, tracing: Tracing, *, read: Unknowns, axis: int) -> Written:
    """Unknowns of the output of a node whose weight has output channels along `axis` and whose bias is a vector."""
    weight = node.inputs[1]
    shape = () if weight is None else array_of(weight).shape
    written = tracing.factors.fresh(shape[axis])
    tracing.take(node, 1, read, is_written=False, is_size=True)
    tracing.take(node, 1, along(written, axis, len(shape)), is_written=True, is_size=True)
    tracing.take(node, 2, written, is_written=True, is_size=False)
    rank = tracing.of(node.outputs[0]).ndim
    return (along(written, 1 if rank > 2 else rank - 1, rank),)  # noqa: PLR2004 - a map has places behind its channels


def gemm(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 1."""
    data, weight, bias = _inputs(node, 3)
    is_turned = attribute(node, "transA", 0) != 0
    if (
        is_turned
        or weight is None
        or not is_constant(weight)
        or not _is_known(bias)
        or not lies_on(tracing.of(data), 1)
    ):
        return None
    axis = 1 - attribute(node, "transB", 0)
    read = np.broadcast_to(tracing.of(data).ravel(), array_of(weight).shape[1 - axis])
    return _weighted(node, tracing, read=along(read, 1 - axis, 2), axis=axis)


def matmul(node: ir.Node, tracing: Tracing) -> Written:
    """Rules 1 and 3."""
    left, right, _ = _inputs(node, 3)
    if left is None or right is None or left.shape is None or right.shape is None:
        return None
    unknowns = tracing.of(left)
    if is_constant(right):
        last = unknowns.ndim - 1
        if right.shape.rank() != 2 or not lies_on(unknowns, last):  # noqa: PLR2004 - a matrix
            return None
        rows, columns = array_of(right).shape
        written = tracing.factors.fresh(columns)
        tracing.take(node, 1, np.broadcast_to(unknowns.ravel(), rows)[:, None], is_written=False, is_size=True)
        tracing.take(node, 1, written[None], is_written=True, is_size=True)
        return (along(written, last, last + 1),)
    carried = tracing.of(right)
    if is_constant(left) or not tracing.is_pinned(left) or carried.ndim < 2 or carried.shape[-2] != 1:  # noqa: PLR2004
        return None
    return (carried.reshape((1,) * (unknowns.ndim - carried.ndim) + carried.shape),)


def layer_norm(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 2."""
    data, scale, bias = _inputs(node, 3)
    rank = tracing.of(data).ndim
    if scale is None or not is_constant(scale) or not _is_known(bias) or len(node.outputs) > 1:
        return None
    if attribute(node, "axis", -1) not in {-1, rank - 1} or array_of(scale).ndim != 1:
        return None
    tracing.factors.pin(tracing.of(data))
    written = tracing.factors.fresh(array_of(scale).size)
    tracing.take(node, 1, written, is_written=True, is_size=True)
    tracing.take(node, 2, written, is_written=True, is_size=False)
    return (along(written, rank - 1, rank),)


def _inputs(node: ir.Node, count: int) -> tuple[ir.Value | None, ...]:
    return (*node.inputs, *(None,) * count)[:count]


def _is_known(bias: ir.Value | None) -> bool:
    return bias is None or is_constant(bias)
