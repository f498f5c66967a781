"""The least loss of information, as TensorRT's first entropy calibrator measures it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lightning_trt.calibrators import bins
from lightning_trt.calibrators.clip import clipped_by_histogram
from lightning_trt.calibrators.percentile import percentile_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_trt.artifacts import Ranges, Statistics

__all__ = ["NUM_LINEAR", "Entropy", "divergences", "least_divergence", "linear", "span_of"]

NUM_LINEAR = 2048
"""Bins of one width that the search looks at."""

_LEVELS = 128
"""Levels that the kept bins are merged into, and the least number of bins that can be kept."""

_WIDEST = NUM_LINEAR // _LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Entropy:
    """The amax after which the distribution of magnitudes has changed least, in Kullback-Leibler divergence.

    The search of S. Migacz, 8-bit inference with TensorRT, GTC 2017
    (https://forums.developer.nvidia.com/t/tensorrt-entropy-calibration-pseudocode/108185): of 2,048 linear bins the
    first 128, 129, ... are kept, the rest is added to the last of them, and that is compared with the kept bins merged
    into 128 levels. The linear bins are filled from the float-bit histogram, a bin's values spread evenly over it, so
    neither batch size nor order changes them; onnxruntime's default of 128 bins leaves a single candidate, the maximum.
    Zeros are left out: symmetric int8 holds them without an error, whatever amax is, and where most of a tensor is zero
    their spike would draw the search to the least amax. The minimum is flat: near it amax can move by a tenth with
    hardly a change of divergence. For int8: the levels of fp8 are not even, `minmax` serves it. Low and high are in the
    tensor's own units.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import Entropy
        >>> from lightning_trt.calibrators.bins import NUM_BINS, bin_of
        >>> values = np.concatenate([np.linspace(0, 1, 100_000), [3.0]]).astype(np.float32)
        >>> counts = np.bincount(bin_of(values), minlength=NUM_BINS)
        >>> each = np.array([3.0], np.float32)
        >>> seen = TensorStatistics(
        ...     count=100_001, nans=0, infs=0, low=0.0, high=3.0,
        ...     sample_lows=each * 0, sample_highs=each, positive=counts, negative=counts * 0,
        ... )
        >>> statistics = Statistics(
        ...     tensors={"relu": seen}, indices=(0,), fingerprints=np.zeros(1, np.uint64), graph="", block_size=8
        ... )
        >>> round(Entropy().ranges(statistics).tensors["relu"].amax, 2)
        1.0
    """

    @property
    def needs_histograms(self) -> bool:
        """True: it compares distributions."""
        return True

    def ranges(self, statistics: Statistics) -> Ranges:
        """The range of each tensor of `statistics`, clipped symmetrically about zero.

        Raises:
            SettingsError: The pass behind `statistics` gathered extremes alone.
        """
        return clipped_by_histogram(statistics, _reach, calibrator="entropy")


def _reach(counts: NDArray[np.int64], largest: float) -> float:
    not_zero = counts.copy()
    not_zero[0] = 0
    if not not_zero.any():
        return largest
    span = span_of(not_zero, largest)
    return least_divergence(*linear(not_zero, largest, span=span), span=span)


def span_of(counts: NDArray[np.int64], largest: float) -> float:
    """Where the linear bins end: at `largest`, unless hardly anything would lie beyond the first 128 of them.

    Then they end so that 99.99 % of all that is not zero fills the first 128: else one huge outlier would leave the
    search nothing to tell apart, and amax would be the outlier.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.calibrators.bins import FINITE_BINS, bin_of
        >>> from lightning_trt.calibrators.entropy import span_of
        >>> values = np.array([1.0] * 10_000 + [1e30], np.float32)
        >>> span_of(np.bincount(bin_of(values), minlength=FINITE_BINS), 1e30)
        16.25
    """
    not_zero = counts.copy()
    not_zero[0] = 0
    return min(largest, _WIDEST * percentile_of(not_zero, 99.99) or largest)


def linear(counts: NDArray[np.int64], largest: float, *, span: float) -> tuple[NDArray[np.float64], float]:
    """Magnitudes of these counts in 2,048 bins of one width from 0 to `span`, and the number of those beyond.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.calibrators.bins import FINITE_BINS, bin_of
        >>> from lightning_trt.calibrators.entropy import linear
        >>> counts = np.bincount(bin_of(np.array([1.0, 2.0, 9.0], np.float32)), minlength=FINITE_BINS)
        >>> filled, beyond = linear(counts, 9.0, span=8.0)
        >>> filled[256:264].tolist(), beyond
        ([0.25, 0.25, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0], 1.0)
    """
    below = np.append(0.0, np.cumsum(counts))
    ends = np.arange(NUM_LINEAR + 1) * (span / NUM_LINEAR)
    at_ends = np.interp(ends, bins.borders(largest), below)
    return np.diff(at_ends), float(below[-1] - at_ends[-1])


def least_divergence(filled: NDArray[np.float64], beyond: float, *, span: float) -> float:
    """The amax of least divergence for linear bins up to `span` and `beyond` values behind; the widest of equals.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.calibrators.entropy import least_divergence
        >>> least_divergence(np.append(np.ones(1024), np.zeros(1024)), 1.0, span=2048.0)
        1024.5
    """
    kept = NUM_LINEAR - int(np.argmin(divergences(filled, beyond)[::-1]))
    return (kept + 0.5) * span / NUM_LINEAR


def divergences(filled: NDArray[np.float64], beyond: float) -> NDArray[np.float64]:
    """Kullback-Leibler divergence in nats for each number of kept bins, of shape `(1921,)`: 128, 129, ... 2,048.

    Level k holds the bins from ceil(k * kept / 128) on and spreads its count over those that are not empty. Infinite
    where the last kept bin is empty and something lies beyond. Linear in the number of bins: a level is at most 16
    bins wide, so the sums for every start and width are made once and looked up.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.calibrators.entropy import divergences
        >>> bool((divergences(np.ones(2048), 0.0)[:-1] > divergences(np.ones(2048), 0.0)[-1]).all())
        True
    """
    levels = _levels()
    sums = _runs(filled)
    means = sums / np.maximum(_runs((filled > 0).astype(np.float64)), 1)
    merged = np.take(sums * _log(means), levels).sum(axis=1)
    last, last_level = filled[_LEVELS - 1 :], np.take(means, levels[:, -1])
    inside = np.cumsum(filled)[_LEVELS - 1 :]
    total = inside[-1] + beyond
    outside = total - inside
    unmerged = np.cumsum(filled * _log(filled))[_LEVELS - 1 :]
    unmerged += (last + outside) * _log(last + outside) - last * _log(last)
    lost = (unmerged - merged - outside * _log(last_level)) / total + _log(inside / total)
    return np.where((last == 0) & (outside > 0), np.inf, lost)


@cache
def _levels() -> NDArray[np.intp]:
    """Start and width of each level for each number of kept bins, as one number; of shape `(1921, 128)`."""
    kept = np.arange(_LEVELS, NUM_LINEAR + 1)
    ends = -(-np.arange(_LEVELS + 1) * kept[:, None] // _LEVELS)
    found: NDArray[np.intp] = (ends[:, :-1] * _WIDEST + np.diff(ends) - 1).astype(np.intp)
    return found


def _runs(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the 1, 2, ... 16 values from each one on; of shape `(2048, 16)`."""
    below = np.append(0.0, np.cumsum(np.append(values, np.zeros(_WIDEST - 1))))
    sums: NDArray[np.float64] = sliding_window_view(below, _WIDEST + 1)[:, 1:] - below[:NUM_LINEAR, None]
    return sums


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm, 0 where the value is 0: what it is multiplied with is 0 there too."""
    return np.log(values, out=np.zeros_like(values), where=values > 0)
