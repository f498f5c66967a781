"""The extremes of the average sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.artifacts import Ranges, Statistics
from lightning_trt.calibrators.clip import clipped

if TYPE_CHECKING:
    from lightning_trt.artifacts import TensorStatistics

__all__ = ["MeanMinMax"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanMinMax:
    """The mean, over the samples, of each sample's largest magnitude; samples that are not finite are left out.

    NNCF's default for activations, in its symmetric form
    (https://github.com/openvinotoolkit/nncf/blob/develop/src/nncf/quantization/range_estimator.py, `MEAN_MINMAX`), of
    samples and never of batches, whose size would decide. Outliers of few samples hardly widen it. Low and high are in
    the tensor's own units.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import MeanMinMax
        >>> seen = TensorStatistics(
        ...     count=6, nans=0, infs=0, low=-2.0, high=4.0,
        ...     sample_lows=np.array([-2.0, 0.0], np.float32), sample_highs=np.array([1.0, 4.0], np.float32),
        ...     positive=None, negative=None,
        ... )
        >>> statistics = Statistics(
        ...     tensors={"conv": seen}, indices=(0, 1), fingerprints=np.zeros(2, np.uint64), graph="", block_size=8
        ... )
        >>> MeanMinMax().ranges(statistics).tensors["conv"]
        Range(low=-2.0, high=3.0, axis=None)
    """

    @property
    def needs_histograms(self) -> bool:
        """False: the extremes of each sample are enough."""
        return False

    def ranges(self, statistics: Statistics) -> Ranges:
        """The range of each tensor of `statistics`, clipped symmetrically about zero."""
        return Ranges(tensors={name: clipped(tensor, _mean(tensor)) for name, tensor in statistics.tensors.items()})


def _mean(tensor: TensorStatistics) -> float:
    magnitudes = np.maximum(-tensor.sample_lows, tensor.sample_highs)
    finite = magnitudes[np.isfinite(magnitudes)]
    # Summed exactly, so that no order of the samples can change a bit.
    return math.fsum(finite.tolist()) / max(1, finite.size)
