"""What each operator does to factors of channels.

Rules:
    1. `Relu`, `LeakyRelu`, `PRelu`, pooling, `Resize`, `Pad` with zeros, and sums and means over other axes hand
       channels on: they commute with a positive factor.
    2. `Transpose`, `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`, `Split`, `Slice`, `Gather` of one place and `Concat`
       move them.
    3. `Add` and `Sub` of two activations (residual branches) make their channels the same; a constant is divided.
    4. `Mul` and `Div` by a constant or by something pinned (the gate of squeeze-and-excite) hand channels on.
    5. Every other operator pins what it reads, and what it writes is pinned: `Clip` with a bound other than zero
       (ReLU6), hard-swish, GELU, softmax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.passes.initializers import array_of, is_constant
from lightning_trt.passes.layers import conv, gemm, layer_norm, matmul, transposed_conv
from lightning_trt.passes.tracing import attribute, lies_on
from lightning_trt.passes.unknowns import narrowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import onnx_ir as ir

    from lightning_trt.passes.tracing import Tracing, Written

__all__ = ["trace"]


def trace(node: ir.Node, tracing: Tracing) -> None:
    """Nothing; `tracing` then knows the outputs of `node` (rules 1 to 5, and those of `layers`)."""
    rule = _RULES.get(node.op_type) if node.domain == "" else None
    has_shapes = all(value is None or value.shape is not None for value in (*node.inputs, *node.outputs))
    written = rule(node, tracing) if rule is not None and has_shapes else None
    if written is None:
        for value in node.inputs:
            tracing.factors.pin(tracing.of(value))
        return
    for value, unknowns in zip(node.outputs, written, strict=False):
        tracing.unknowns[str(value.name)] = unknowns


def _same(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 1, element by element."""
    return (tracing.of(node.inputs[0]),)


def _pool(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 1, over places: the channels must lie on axis 1."""
    unknowns = tracing.of(node.inputs[0])
    return (unknowns,) if lies_on(unknowns, 1) and len(node.outputs) == 1 else None


def _pad(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 1: zeros, and none along the channels."""
    filled = node.inputs[2] if len(node.inputs) > 2 else None  # noqa: PLR2004 - the third input
    is_zero = filled is None or (is_constant(filled) and not array_of(filled).any())
    return _pool(node, tracing) if is_zero and _pads_no_channel(node) else None


def _pads_no_channel(node: ir.Node) -> bool:
    pads = node.inputs[1]
    if pads is None or not is_constant(pads) or len(node.inputs) > 3:  # noqa: PLR2004 - axes of their own
        return False
    before, after = array_of(pads).reshape(2, -1)
    return not (before[:2].any() or after[:2].any())


def _clip(node: ir.Node, tracing: Tracing) -> Written:
    """Rules 1 and 5: a clip at zero and nowhere else is a ReLU."""
    low, high = (*node.inputs[1:], None, None)[:2]
    is_relu = high is None and low is not None and is_constant(low) and not array_of(low).any()
    return (tracing.of(node.inputs[0]),) if is_relu else None


def _reduce(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 1: sums and means over axes on which the factor does not depend."""
    unknowns = tracing.of(node.inputs[0])
    axes = _constant_list(node, 1)
    if axes is None:
        return None
    reduced = tuple(axis % unknowns.ndim for axis in axes)
    if any(unknowns.shape[axis] > 1 for axis in reduced):
        return None
    return (unknowns if attribute(node, "keepdims", 1) else unknowns.squeeze(reduced),)


def _transpose(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 2."""
    unknowns = tracing.of(node.inputs[0])
    order = node.attributes["perm"].as_ints() if "perm" in node.attributes else range(unknowns.ndim)[::-1]
    return (unknowns.transpose(tuple(order)),) if len(order) == unknowns.ndim else None


def _reshape(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 2, where all sizes but the first are known and the first stays."""
    before, after = (_sizes(value) for value in (node.inputs[0], node.outputs[0]))
    unknowns = tracing.of(node.inputs[0])
    if before is None or after is None or np.prod(before) != np.prod(after) or unknowns.shape[0] != 1:
        return None
    return (narrowed(np.broadcast_to(unknowns[0], before).reshape(1, *after)),)


def _sizes(value: ir.Value | None) -> tuple[int, ...] | None:
    """Sizes behind the first axis, None where one is unknown."""
    shape = None if value is None else value.shape
    sizes = () if shape is None else tuple(shape)[1:]
    known = tuple(size for size in sizes if isinstance(size, int))
    return known if shape is not None and shape.rank() > 0 and len(known) == len(sizes) else None


def _squeeze(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 2."""
    unknowns, axes = tracing.of(node.inputs[0]), _constant_list(node, 1)
    return None if axes is None else (unknowns.squeeze(tuple(axes)),)


def _unsqueeze(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 2."""
    unknowns, axes = tracing.of(node.inputs[0]), _constant_list(node, 1)
    return None if axes is None else (np.expand_dims(unknowns, tuple(axes)),)


def _slice(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 2."""
    unknowns = tracing.of(node.inputs[0])
    starts, ends, axes, steps = (_constant_list(node, index) for index in range(1, 5))
    if starts is None or ends is None or axes is None:
        return None
    for start, end, axis, step in zip(starts, ends, axes, steps or [1] * len(axes), strict=True):
        if unknowns.shape[axis] > 1:
            places = range(*slice(start, end, step).indices(unknowns.shape[axis]))
            unknowns = unknowns.take(list(places), axis)
    return (unknowns,)


def _gather(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 2: one place along an axis."""
    unknowns, places = tracing.of(node.inputs[0]), node.inputs[1]
    if places is None or not is_constant(places) or array_of(places).ndim:
        return None
    axis = attribute(node, "axis", 0)
    place = 0 if unknowns.shape[axis] == 1 else int(array_of(places))
    return (unknowns.take([place], axis).squeeze(axis),)


def _constant_list(node: ir.Node, index: int) -> list[int] | None:
    value = node.inputs[index] if index < len(node.inputs) else None
    return [int(each) for each in array_of(value).ravel()] if value is not None and is_constant(value) else None


def _concat(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 2."""
    parts = [tracing.of(value) for value in node.inputs]
    axis = attribute(node, "axis", 0) % max(1, parts[0].ndim)
    sizes = _sizes_along(node.inputs, axis)
    around = {part.shape[:axis] + part.shape[axis + 1 :] for part in parts if part.size > 1}
    if sizes is None or len(around) > 1 or any(is_constant(each) for each in node.inputs):
        return None
    shape = around.pop() if around else (1,) * (parts[0].ndim - 1)
    widened = [
        np.broadcast_to(part, (*shape[:axis], size, *shape[axis:])) for part, size in zip(parts, sizes, strict=True)
    ]
    return (narrowed(np.concatenate(widened, axis)),)


def _split(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 2."""
    unknowns, axis = tracing.of(node.inputs[0]), attribute(node, "axis", 0)
    if unknowns.shape[axis] == 1:
        return (unknowns,) * len(node.outputs)
    sizes = _sizes_along(node.outputs, axis)
    if sizes is None or sum(sizes) != unknowns.shape[axis]:
        return None
    return tuple(np.split(unknowns, np.cumsum(sizes)[:-1], axis))


def _sizes_along(values: Iterable[ir.Value | None], axis: int) -> list[int] | None:
    """Sizes of tensors along an axis, None where one is unknown."""
    sizes = [None if value is None or value.shape is None else value.shape[axis] for value in values]
    known = [size for size in sizes if isinstance(size, int)]
    return known if len(known) == len(sizes) else None


def _add(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 3."""
    for index, other in ((0, 1), (1, 0)):
        if is_constant(node.inputs[index]):
            unknowns = tracing.of(node.inputs[other])
            constant = node.inputs[index]
            if constant is None or array_of(constant).ndim > unknowns.ndim:
                return None
            tracing.take(node, index, unknowns, is_written=True, is_size=False)
            return (unknowns,)
    one, other_one = (tracing.of(value) for value in node.inputs)
    tracing.factors.join(one, other_one)
    return (narrowed(np.broadcast_arrays(one, other_one)[0]),)


def _mul(node: ir.Node, tracing: Tracing) -> Written:
    """Rule 4."""
    one, other = node.inputs
    kept = one if _is_constant_or_pinned(other, tracing) else other if _is_constant_or_pinned(one, tracing) else None
    if kept is None or (node.op_type == "Div" and kept is not one):
        return None
    rank = max(tracing.of(value).ndim for value in (one, other, node.outputs[0]))
    unknowns = tracing.of(kept)
    return (unknowns.reshape((1,) * (rank - unknowns.ndim) + unknowns.shape),)


def _is_constant_or_pinned(value: ir.Value | None, tracing: Tracing) -> bool:
    return is_constant(value) or tracing.is_pinned(value)


_ELEMENTWISE = ("Relu", "LeakyRelu", "PRelu")
_POOLS = ("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LpPool", "Resize")
_RULES: Mapping[str, Callable[[ir.Node, Tracing], Written]] = {
    **dict.fromkeys(_ELEMENTWISE, _same),
    **dict.fromkeys(_POOLS, _pool),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax"), _reduce),
    "Conv": conv, "ConvTranspose": transposed_conv, "Gemm": gemm, "MatMul": matmul,
    "LayerNormalization": layer_norm, "Pad": _pad, "Clip": _clip, "Transpose": _transpose, "Concat": _concat,
    "Split": _split, "Slice": _slice, "Gather": _gather, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze,
    "Reshape": _reshape, "Flatten": _reshape, "Add": _add, "Sub": _add, "Mul": _mul, "Div": _mul,
}  # fmt: skip
