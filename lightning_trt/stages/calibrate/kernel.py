"""Counts and extremes of a tensor in one look at it, written in Triton (https://triton-lang.org).

What `counting.count` does, for a device whose memory is what costs. Most values of a tensor fall into few bins, and all
threads would wait for those: programs add to one of several copies, which are then summed. Zeros are summed within a
program: behind a ReLU every second value is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from lightning_trt.calibrators.bins import NUM_BINS, SHIFT

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Kernel"]

_SIGNED_BINS = 2 * NUM_BINS
_NUM_COPIES, _NUM_AT_ONCE, _NUM_STEPS = 16, 1024, 8
_BINS, _COPIES = tl.constexpr(_SIGNED_BINS), tl.constexpr(_NUM_COPIES)
_BLOCK, _STEPS, _SHIFT = tl.constexpr(_NUM_AT_ONCE), tl.constexpr(_NUM_STEPS), tl.constexpr(SHIFT)


class Kernel:
    """What counts on a GPU, and the 2 MiB that it counts in: 16 copies of 32,768 bins."""

    def __init__(self, device: torch.device) -> None:
        self._copies = torch.zeros(_NUM_COPIES, _SIGNED_BINS, dtype=torch.int32, device=device)

    def __call__(self, rows: Tensor, octaves: Tensor | None, bins: Tensor, lows: Tensor, highs: Tensor) -> None:
        """Nothing; `bins` and the extremes `lows` and `highs` of each row are those of `rows` too."""
        rows = rows.contiguous()
        num_rows, size = rows.shape
        grid = (triton.cdiv(size, _NUM_AT_ONCE * _NUM_STEPS), num_rows)
        has_octaves = octaves is not None
        _look[grid](rows, octaves if has_octaves else rows, self._copies, lows, highs, size, HAS_OCTAVES=has_octaves)
        _sum[(_SIGNED_BINS // _NUM_AT_ONCE,)](self._copies, bins)


@triton.jit  # type: ignore[untyped-decorator]  # Triton ships no types
def _sum(copies, bins) -> None:  # type: ignore[no-untyped-def]  # Triton reads annotations as its own types
    at = tl.program_id(0) * _BLOCK + tl.arange(0, _BLOCK)
    total = tl.zeros([_BLOCK], tl.int64)
    for copy in range(_COPIES):
        total += tl.load(copies + copy * _BINS + at).to(tl.int64)
        tl.store(copies + copy * _BINS + at, tl.zeros([_BLOCK], tl.int32))
    tl.store(bins + at, tl.load(bins + at) + total)


@triton.jit  # type: ignore[untyped-decorator]  # Triton ships no types
def _look(  # type: ignore[no-untyped-def]  # Triton reads annotations as its own types
    rows, octaves, copies, lows, highs, size, HAS_OCTAVES: tl.constexpr
) -> None:
    row = tl.program_id(1)
    start = tl.program_id(0) * _BLOCK * _STEPS
    bins = copies + ((tl.program_id(0) + row) % _COPIES) * _BINS
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
        place = (bits >> _SHIFT) & (_BINS - 1)
        is_zero = place == 0
        zeros += (is_in & is_zero).to(tl.int32)
        ones = tl.full([_BLOCK], 1, tl.int32)
        tl.atomic_add(bins + place, ones, mask=is_in & (place != 0), sem="relaxed")
    tl.atomic_add(bins, tl.sum(zeros, axis=0), sem="relaxed")
    tl.atomic_min(lows + row, tl.min(least, axis=0), sem="relaxed")
    tl.atomic_max(highs + row, tl.max(greatest, axis=0), sem="relaxed")
