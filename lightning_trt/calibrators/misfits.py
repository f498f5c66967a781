"""Ranges that do not fit what was seen, so that none of them is used in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.calibrators import bins

if TYPE_CHECKING:
    from lightning_trt.artifacts import Ranges, Statistics, TensorStatistics

__all__ = ["misfits"]

_STEPS = 254
"""Half steps of int8 in amax: what is less than one becomes zero."""


def misfits(statistics: Statistics, ranges: Ranges) -> tuple[str, ...]:
    """Names of the tensors in which int8 would make zero of, or clip, more than half of the values that are not zero.

    So it is where one huge outlier has set the range, and where nearly all values are zeros and a percentile of all of
    them was asked for. Tensors without histograms are never named.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import MinMax, misfits
        >>> from lightning_trt.calibrators.bins import NUM_BINS, bin_of
        >>> values = np.array([1.0] * 99 + [1e30], np.float32)
        >>> counts = np.bincount(bin_of(values), minlength=NUM_BINS)
        >>> seen = TensorStatistics(
        ...     count=100, nans=0, infs=0, low=1.0, high=1e30,
        ...     sample_lows=values[:1], sample_highs=values[-1:], positive=counts, negative=counts * 0,
        ... )
        >>> statistics = Statistics(
        ...     tensors={"mul": seen}, indices=(0,), fingerprints=np.zeros(1, np.uint64), graph="", block_size=8
        ... )
        >>> misfits(statistics, MinMax().ranges(statistics))
        ('mul',)
    """
    return tuple(
        name for name, tensor in statistics.tensors.items() if _lost(tensor, float(ranges.tensors[name].amax)) > 1 / 2
    )


def _lost(tensor: TensorStatistics, amax: float) -> float:
    """Share of the values that are not zero which become zero or are clipped, to a bin."""
    if tensor.positive is None or tensor.negative is None:
        return 0.0
    counts = bins.magnitudes(tensor.positive, tensor.negative)
    first, last = bins.bin_of(np.array([amax / _STEPS, amax], np.float32)).tolist()
    total = int(counts[1:].sum())
    kept = int(counts[max(1, first) : last + 1].sum())
    return 1 - kept / total if total else 0.0
