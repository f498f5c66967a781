"""Counts and extremes of a tensor in one look at it, written in Triton (https://triton-lang.org).

What `counting.count` does, for a device whose memory is what costs. Zeros are summed within a program rather than added
one by one: behind a ReLU every second value is one, and all threads would wait for one place of memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import triton
import triton.language as tl

from lightning_trt.calibrators.bins import NUM_BINS, SHIFT

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["count_in_one_look"]

_NUM_AT_ONCE, _NUM_STEPS = 1024, 8
_BLOCK, _STEPS = tl.constexpr(_NUM_AT_ONCE), tl.constexpr(_NUM_STEPS)
_SHIFT, _LAST_BIN = tl.constexpr(SHIFT), tl.constexpr(2 * NUM_BINS - 1)


def count_in_one_look(rows: Tensor, octaves: Tensor | None, bins: Tensor, lows: Tensor, highs: Tensor) -> None:
    """Nothing; `bins` and the extremes `lows` and `highs` of each row are those of `rows` too. On a GPU."""
    rows = rows.contiguous()
    num_rows, size = rows.shape
    grid = (triton.cdiv(size, _NUM_AT_ONCE * _NUM_STEPS), num_rows)
    _look[grid](rows, rows if octaves is None else octaves, bins, lows, highs, size, HAS_OCTAVES=octaves is not None)


@triton.jit  # type: ignore[untyped-decorator]  # Triton ships no types
def _look(  # type: ignore[no-untyped-def]  # Triton reads annotations as its own types
    rows, octaves, bins, lows, highs, size, HAS_OCTAVES: tl.constexpr
) -> None:
    row = tl.program_id(1)
    start = tl.program_id(0) * _BLOCK * _STEPS
    values = rows + row.to(tl.int64) * size
    least = tl.full([_BLOCK], 2147483647, tl.int32)
    greatest = tl.full([_BLOCK], -2147483648, tl.int32)
    zeros = tl.zeros([_BLOCK], tl.int32)
    for step in range(_STEPS):
        at = start + step * _BLOCK + tl.arange(0, _BLOCK)
        is_in = at < size
        value = tl.load(values + at, mask=is_in, other=0.0)
        if HAS_OCTAVES:
            octave = tl.load(octaves + at, mask=is_in, other=0).to(tl.int32)
            # A power of two has no mantissa: its pattern is its exponent alone.
            value = value * ((octave + 127) << 23).to(tl.float32, bitcast=True)
        bits = value.to(tl.int32, bitcast=True)
        ordered = bits ^ ((bits >> 31) & 2147483647)
        least = tl.minimum(least, tl.where(is_in, ordered, 2147483647))
        greatest = tl.maximum(greatest, tl.where(is_in, ordered, -2147483648))
        place = (bits >> _SHIFT) & _LAST_BIN
        is_zero = place == 0
        zeros += (is_in & is_zero).to(tl.int32)
        ones = tl.full([_BLOCK], 1, tl.int64)
        tl.atomic_add(bins + place, ones, mask=is_in & (place != 0), sem="relaxed")
    tl.atomic_add(bins, tl.sum(zeros, axis=0).to(tl.int64), sem="relaxed")
    tl.atomic_min(lows + row, tl.min(least, axis=0), sem="relaxed")
    tl.atomic_max(highs + row, tl.max(greatest, axis=0), sem="relaxed")
