"""What a calibration pass saw, and the ranges that calibrators read from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Range", "Ranges", "Statistics", "TensorStatistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorStatistics:
    """What one pass saw of one tensor.

    `positive` and `negative` count finite values by the upper bits of their float32 pattern (exponent and first 6
    mantissa bits,
    sign cleared): int64 arrays of shape `(16384,)`. `sample_lows` and `sample_highs` are float32 of shape
    `(samples,)`, finite
    extremes of each sample in index order. `low` and `high` are the finite extremes of all.
    """

    count: int
    zeros: int
    nans: int
    infs: int
    low: float
    high: float
    sample_lows: NDArray[np.float32]
    sample_highs: NDArray[np.float32]
    positive: NDArray[np.int64]
    negative: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What one calibration pass saw.

    By ONNX tensor name; `indices` are the dataset items it saw, `key` names all it depends on.
    """

    tensors: Mapping[str, TensorStatistics]
    samples: int
    indices: tuple[int, ...]
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Values from `low` to `high` keep their meaning after quantization; arrays along `axis` where per channel.

    Example:
        >>> from lightning_trt.artifacts import Range
        >>> Range(low=-1.0, high=3.0).amax
        3.0
    """

    low: float | NDArray[np.float32]
    high: float | NDArray[np.float32]
    axis: int | None = None

    @property
    def amax(self) -> float | NDArray[np.float32]:
        """Largest magnitude in the range, per channel where the range is."""
        largest = np.maximum(np.abs(self.low), np.abs(self.high))
        return float(largest) if self.axis is None else largest


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Range of each tensor that will carry Q/DQ, by ONNX tensor name: the one currency of calibration."""

    tensors: Mapping[str, Range]
