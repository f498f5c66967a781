"""A share of the values, and at most a share of the maximum."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from lightning_trt.calibrators.clip import clipped_by_histogram
from lightning_trt.calibrators.percentile import percentile_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lightning_trt.artifacts import Ranges, Statistics

__all__ = ["Legacy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Legacy:
    """The magnitude within which the share `quantile` of all values lies, but at most `cutoff` times the largest one.

    After `IInt8LegacyCalibrator`: its quantile "will be used to select the region maximum", its regression cutoff is
    "the fraction of the maximum used to define the regression cutoff"
    (https://docs.nvidia.com/deeplearning/tensorrt/api/c_api/classnvinfer1_1_1_i_int8_legacy_calibrator.html). The
    regression itself was described in a paper that is not public: here the cutoff bounds the range, and 1 turns it
    off, as it did there. NVIDIA's sample for TensorRT 2 searched both for each net: 0.61 and 0.99 for ResNet-50, 0.5
    and 0.99999 for VGG-19, 1 and 0.99999999 for GoogLeNet. Low and high are in the tensor's own units.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import Legacy
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
        >>> Legacy(quantile=0.99, cutoff=1).ranges(statistics).tensors["relu"].amax
        1.015625
        >>> Legacy(quantile=1, cutoff=0.5).ranges(statistics).tensors["relu"].amax
        25.0
    """

    quantile: float = 0.99999
    cutoff: float = 1.0

    @property
    def needs_histograms(self) -> bool:
        """True: it counts values by magnitude."""
        return True

    def ranges(self, statistics: Statistics) -> Ranges:
        """The range of each tensor of `statistics`, clipped symmetrically about zero.

        Raises:
            SettingsError: The pass behind `statistics` gathered extremes alone.
        """
        return clipped_by_histogram(statistics, self._reach, calibrator="legacy")

    def _reach(self, counts: NDArray[np.int64], largest: float) -> float:
        return min(percentile_of(counts, Fraction(str(self.quantile)) * 100), self.cutoff * largest)
