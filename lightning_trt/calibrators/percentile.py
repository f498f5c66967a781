"""All but a share of what was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.calibrators import bins
from lightning_trt.calibrators.clip import clipped_by_histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_trt.artifacts import Ranges, Statistics

__all__ = ["Percentile", "percentile_of", "undersampled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile:
    """The magnitude within which `percentile` percent of all values lie, zeros counted; never beyond what was seen.

    After McKinstry et al. 2018 (https://arxiv.org/abs/1809.04191, 99.99) and Wu et al. 2020
    (https://arxiv.org/abs/2004.09602, section 5.1): symmetric, because int8 in TensorRT is. The end of the
    percentile's histogram bin is taken, so at least the asked share is kept, and the range is up to 1/64 wider than the
    percentile of the raw values, never narrower. Low and high are in the tensor's own units.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import Percentile
        >>> from lightning_trt.calibrators.bins import NUM_BINS, bin_of
        >>> values = np.array([1.0] * 99 + [50.0], np.float32)
        >>> counts = np.bincount(bin_of(values), minlength=NUM_BINS)
        >>> each = np.array([1.0], np.float32)
        >>> seen = TensorStatistics(
        ...     count=100, nans=0, infs=0, low=1.0, high=50.0,
        ...     sample_lows=each, sample_highs=each * 50, positive=counts, negative=counts * 0,
        ... )
        >>> statistics = Statistics(
        ...     tensors={"relu": seen}, indices=(0,), fingerprints=np.zeros(1, np.uint64), graph="", block_size=8
        ... )
        >>> Percentile(percentile=99).ranges(statistics).tensors["relu"].amax
        1.015625
        >>> Percentile(percentile=100).ranges(statistics).tensors["relu"].amax
        50.0
    """

    percentile: float = 99.99

    @property
    def needs_histograms(self) -> bool:
        """True: it counts values by magnitude."""
        return True

    def ranges(self, statistics: Statistics) -> Ranges:
        """The range of each tensor of `statistics`, clipped symmetrically about zero.

        Raises:
            SettingsError: The pass behind `statistics` gathered extremes alone.
        """
        return clipped_by_histogram(
            statistics, lambda counts, _: percentile_of(counts, self.percentile), calibrator="percentile"
        )


def percentile_of(counts: NDArray[np.int64], percentile: float | Fraction) -> float:
    """End of the bin in which `percentile` percent of the counted magnitudes are reached; 0 where none was counted.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.calibrators.bins import FINITE_BINS, bin_of
        >>> from lightning_trt.calibrators.percentile import percentile_of
        >>> counts = np.bincount(bin_of(np.array([1.0, 2.0, 4.0, 8.0], np.float32)), minlength=FINITE_BINS)
        >>> percentile_of(counts, 75)
        4.0625
    """
    total = int(counts.sum())
    if not total:
        return 0.0
    # Exact in the decimal that the user wrote: 99.99 % of 10,000 values is 9,999 of them, not a float's neighbour.
    rank = max(1, math.ceil(Fraction(str(percentile)) * total / 100))
    return bins.upper_edge(int(np.searchsorted(np.cumsum(counts), rank)))


def undersampled(statistics: Statistics, percentile: float) -> tuple[str, ...]:
    """Names of the tensors of which too few values were seen for `percentile` to leave one out: it is their maximum.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import undersampled
        >>> each = np.zeros(1, np.float32)
        >>> seen = TensorStatistics(
        ...     count=9_999, nans=0, infs=0, low=-1.0, high=1.0,
        ...     sample_lows=each, sample_highs=each, positive=None, negative=None,
        ... )
        >>> statistics = Statistics(
        ...     tensors={"gemm": seen}, indices=(0,), fingerprints=np.zeros(1, np.uint64), graph="", block_size=8
        ... )
        >>> undersampled(statistics, 99.99), undersampled(statistics, 99.9)
        (('gemm',), ())
    """
    share = 1 - Fraction(str(percentile)) / 100
    return tuple(name for name, tensor in statistics.tensors.items() if 0 < share * tensor.count < 1)
