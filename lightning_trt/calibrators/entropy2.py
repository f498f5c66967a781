"""The least loss of information, where nothing near zero stands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_trt.calibrators.clip import clipped_by_histogram
from lightning_trt.calibrators.entropy import least_divergence, linear, span_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lightning_trt.artifacts import Ranges, Statistics

__all__ = ["Entropy2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entropy2:
    """The amax of `entropy`, found after the first of the 2,048 bins was given the count of the second.

    Of `IInt8EntropyCalibrator2` NVIDIA says that it "supports per activation tensor scaling"
    (https://docs.nvidia.com/deeplearning/tensorrt/api/c_api/class_i_int8_entropy_calibrator2.html), which all of ours
    do; whether its search differs from the first one's was never published. What NVIDIA did publish is the search of
    pytorch-quantization and ModelOpt, which levels the first bin with the second, and so takes out the zeros of a ReLU
    and whatever lies as near to zero: that is what this one does. Everything else, int8 and units among it, is as in
    `entropy`.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import Entropy2
        >>> from lightning_trt.calibrators.bins import NUM_BINS, bin_of
        >>> values = np.concatenate([np.zeros(90_000), np.linspace(0, 1, 10_000)]).astype(np.float32)
        >>> counts = np.bincount(bin_of(values), minlength=NUM_BINS)
        >>> each = np.array([1.0], np.float32)
        >>> seen = TensorStatistics(
        ...     count=100_000, nans=0, infs=0, low=0.0, high=1.0,
        ...     sample_lows=each * 0, sample_highs=each, positive=counts, negative=counts * 0,
        ... )
        >>> statistics = Statistics(
        ...     tensors={"relu": seen}, indices=(0,), fingerprints=np.zeros(1, np.uint64), graph="", block_size=8
        ... )
        >>> round(Entropy2().ranges(statistics).tensors["relu"].amax, 2)
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
        return clipped_by_histogram(statistics, _reach, calibrator="entropy2")


def _reach(counts: NDArray[np.int64], largest: float) -> float:
    span = span_of(counts, largest)
    filled, beyond = linear(counts, largest, span=span)
    filled[0] = filled[1]
    return least_divergence(filled, beyond, span=span)
