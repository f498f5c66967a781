"""The whole of what was seen."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_trt.artifacts import Range, Ranges, Statistics

__all__ = ["MinMax"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MinMax:
    """From the least to the greatest value of all samples: nothing is clipped, one outlier takes the resolution.

    The global rule of Jacob et al. 2018 (https://arxiv.org/abs/1712.05877, section 3.1, without the moving average,
    which depends on the order of the samples) and of TensorRT's `IInt8MinMaxCalibrator`. Low and high are in the
    tensor's own units; a symmetric quantizer takes their `amax`.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import MinMax
        >>> each = np.zeros(1, np.float32)
        >>> seen = TensorStatistics(
        ...     count=3, nans=0, infs=0, low=-1.0, high=2.5,
        ...     sample_lows=each, sample_highs=each, positive=None, negative=None,
        ... )
        >>> statistics = Statistics(
        ...     tensors={"relu": seen}, indices=(0,), fingerprints=np.zeros(1, np.uint64), graph="", block_size=8
        ... )
        >>> MinMax().ranges(statistics).tensors["relu"].amax
        2.5
    """

    @property
    def needs_histograms(self) -> bool:
        """False: extremes are enough."""
        return False

    def ranges(self, statistics: Statistics) -> Ranges:
        """The extremes of each tensor of `statistics`."""
        return Ranges(
            tensors={name: Range(low=tensor.low, high=tensor.high) for name, tensor in statistics.tensors.items()}
        )
