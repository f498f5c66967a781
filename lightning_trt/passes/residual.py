"""Which input of an addition is the skip of a residual block (rule 4 of `placement`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.passes.initializers import is_constant

if TYPE_CHECKING:
    from collections.abc import Collection

    import onnx_ir as ir

__all__ = ["path_length", "skip_of"]


def skip_of(add: ir.Node, convolutions: Collection[str]) -> int | None:
    """Index of the input of `add` that is the skip, None where there is no residual block.

    `convolutions` are the quantized ones, by the name of their output. A constant input is a bias; inputs of two
    shapes are a broadcast (a time embedding), which no convolution takes into its epilogue.
    """
    first, second = add.inputs[0], add.inputs[1]
    if first is None or second is None or first is second or is_constant(first) or is_constant(second):
        return None
    if first.shape is not None and second.shape is not None and first.shape != second.shape:
        return None
    if first.dtype is not None and not first.dtype.is_floating_point():
        return None
    is_backbone = [value.name in convolutions and len(value.uses()) == 1 for value in (first, second)]
    if all(is_backbone):
        return 1 if path_length(first, second) >= path_length(second, first) else 0
    return is_backbone.index(False) if any(is_backbone) else None


def path_length(value: ir.Value, other: ir.Value) -> int:
    """Nodes on the longest path from what `value` and `other` both depend on to `value`."""
    common = _ancestors(other)
    lengths: dict[str, int] = {}

    def walk(start: ir.Value) -> int:
        # An explicit stack: deep nets would overflow Python's.
        stack = [start]
        while stack:
            current = stack[-1]
            before = [item for item in _sources(current) if item.name not in common]
            missing = [item for item in before if str(item.name) not in lengths]
            if missing:
                stack.extend(missing)
                continue
            lengths[str(current.name)] = 1 + max((lengths[str(item.name)] for item in before), default=0)
            stack.pop()
        return lengths[str(start.name)]

    return 0 if value.name in common else walk(value)


def _sources(value: ir.Value) -> list[ir.Value]:
    producer = value.producer()
    return [] if producer is None else [item for item in producer.inputs if item is not None and not is_constant(item)]


def _ancestors(value: ir.Value) -> set[str | None]:
    seen: set[str | None] = set()
    stack = [value]
    while stack:
        current = stack.pop()
        if current.name not in seen:
            seen.add(current.name)
            stack.extend(_sources(current))
    return seen
