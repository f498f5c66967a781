"""How well ranges fit what was seen, in symmetric int8."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.artifacts import RangeFit
from lightning_trt.calibrators import bins
from lightning_trt.calibrators.clip import largest
from lightning_trt.calibrators.mse import squared_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_trt.artifacts import Range, Ranges, Statistics, TensorStatistics

__all__ = ["fits", "misfits"]

_STEPS = 254
"""Half steps of int8 in amax: what is less than one becomes zero."""


def fits(statistics: Statistics, ranges: Ranges) -> tuple[RangeFit, ...]:
    """How each range fits its tensor, those that lose most first; last those whose values were not counted.

    Shares are to a bin, 1.6 % of a magnitude; values count as spread evenly over their bin.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import MinMax, fits
        >>> from lightning_trt.calibrators.bins import NUM_BINS, bin_of
        >>> values = np.linspace(-1, 1, 100_001, dtype=np.float32)
        >>> negative = values < 0
        >>> seen = TensorStatistics(
        ...     count=values.size, nans=0, infs=0, low=-1.0, high=1.0, sample_lows=values[:1], sample_highs=values[-1:],
        ...     positive=np.bincount(bin_of(values[~negative]), minlength=NUM_BINS),
        ...     negative=np.bincount(bin_of(values[negative]), minlength=NUM_BINS),
        ... )
        >>> statistics = Statistics(
        ...     tensors={"mul": seen}, indices=(0,), fingerprints=np.zeros(1, np.uint64), graph="", block_size=8
        ... )
        >>> (fit,) = fits(statistics, MinMax().ranges(statistics))
        >>> round(fit.snr_db, 1), fit.clipped
        (48.1, 0.0)
    """
    found = [_fit(name, tensor, ranges.tensors[name]) for name, tensor in statistics.tensors.items()]
    return tuple(sorted(found, key=lambda each: math.inf if each.snr_db is None else each.snr_db))


def misfits(statistics: Statistics, ranges: Ranges) -> tuple[RangeFit, ...]:
    """The ranges with which int8 would make zero of, or clip, more than half of the values that are not zero.

    So it is where one huge outlier has set the range, and where nearly all values are zeros and a percentile of all of
    them was asked for. Tensors without histograms are never among them.

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
        >>> [(fit.name, fit.zeroed) for fit in misfits(statistics, MinMax().ranges(statistics))]
        [('mul', 0.99)]
    """
    found = [_fit(name, tensor, ranges.tensors[name]) for name, tensor in statistics.tensors.items()]
    return tuple(each for each in found if (each.clipped or 0.0) + (each.zeroed or 0.0) > 1 / 2)


def _fit(name: str, tensor: TensorStatistics, given: Range) -> RangeFit:
    low, high, amax = float(given.low), float(given.high), float(given.amax)
    if tensor.positive is None or tensor.negative is None:
        return RangeFit(name=name, low=low, high=high, clipped=None, zeroed=None, snr_db=None)
    counts = bins.magnitudes(tensor.positive, tensor.negative)
    first, last = bins.bin_of(np.array([amax / _STEPS, amax], np.float32)).tolist()
    total = int(counts[1:].sum())
    return RangeFit(
        name=name,
        low=low,
        high=high,
        clipped=int(counts[max(1, last + 1) :].sum()) / total if total else 0.0,
        zeroed=int(counts[1 : max(1, first)].sum()) / total if total else 0.0,
        snr_db=_decibels(counts, largest(tensor), amax),
    )


def _decibels(counts: NDArray[np.int64], largest_seen: float, amax: float) -> float | None:
    error, squares = squared_error(counts, largest_seen, amax)
    return 10 * math.log10(squares / error) if squares > 0 and error > 0 else None
