"""Where a NaN goes on to, so that it need not be looked for at every tensor.

Rules:
    1. What `Add`, `Clip`, `Gemm`, `MatMul` and `Relu` make holds a NaN where one of their inputs does; in onnxruntime
       too, whose pools and extremes may pass over one.
    2. So does what a `Conv` makes of its image, if its windows leave out no value: each axis has no dilation, a stride
       of the kernel's size at most, and a rest that no window reaches only in its padding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    import onnx_ir as ir

__all__ = ["is_shown_behind"]

_PASSING_ON = frozenset({"Add", "Clip", "Gemm", "MatMul", "Relu"})


def is_shown_behind(value: ir.Value, seen: Collection[str]) -> bool:
    """Whether a NaN in `value` must be one in a tensor of `seen` behind it (rules 1 and 2)."""
    return any(
        made.name in seen or is_shown_behind(made, seen)
        for node in value.consumers()
        if _passes_on(node, value)
        for made in node.outputs
    )


def _passes_on(node: ir.Node, value: ir.Value) -> bool:
    return node.op_type in _PASSING_ON or (node.op_type == "Conv" and _leaves_nothing_out(node, value))


def _leaves_nothing_out(conv: ir.Node, value: ir.Value) -> bool:
    """Whether each value of the image lies in a window (rule 2)."""
    weight = conv.inputs[1]
    if value is not conv.inputs[0] or value.shape is None or weight is None or weight.shape is None:
        return False
    if conv.attributes.get_string("auto_pad", "NOTSET") != "NOTSET":
        return False
    sizes, kernel = list(value.shape)[2:], list(weight.shape)[2:]
    rank = len(kernel)
    strides, dilations = (
        conv.attributes.get_ints("strides", [1] * rank),
        conv.attributes.get_ints("dilations", [1] * rank),
    )
    pads = conv.attributes.get_ints("pads", [0] * 2 * rank)
    axes = zip(sizes, kernel, strides, dilations, pads[:rank], pads[rank:], strict=True)
    return all(
        isinstance(size, int)
        and isinstance(width, int)
        and dilation == 1
        and stride <= width
        and (before + size + after - width) % stride <= after
        for size, width, stride, dilation, before, after in axes
    )
