"""Ranges clipped symmetrically about zero, as int8 in TensorRT is: what all calibrators share that clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.artifacts import Range, Ranges, Statistics, TensorStatistics
from lightning_trt.calibrators import bins
from lightning_trt.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["clipped", "clipped_by_histogram", "largest"]


def clipped(tensor: TensorStatistics, reach: float) -> Range:
    """The part of what was seen that lies within `reach` of zero.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import TensorStatistics
        >>> from lightning_trt.calibrators.clip import clipped
        >>> each = np.zeros(1, np.float32)
        >>> seen = TensorStatistics(
        ...     count=3, nans=0, infs=0, low=-1.0, high=9.0,
        ...     sample_lows=each, sample_highs=each, positive=None, negative=None,
        ... )
        >>> clipped(seen, 4.0)
        Range(low=-1.0, high=4.0, axis=None)
    """
    return Range(low=min(max(tensor.low, -reach), reach), high=max(min(tensor.high, reach), -reach))


def clipped_by_histogram(
    statistics: Statistics, reach: Callable[[NDArray[np.int64], float], float], *, calibrator: str
) -> Ranges:
    """The range of each tensor, as far as `reach` says of its counts by magnitude and its largest magnitude.

    Raises:
        SettingsError: The pass behind `statistics` gathered extremes alone.
    """

    def within(name: str, tensor: TensorStatistics) -> Range:
        if tensor.positive is None or tensor.negative is None:
            raise SettingsError(
                f"the statistics of {name!r} hold extremes alone; {calibrator} needs histograms. "
                f"Calibrate again with {calibrator} among the calibrators."
            )
        if not largest(tensor):
            return clipped(tensor, 0.0)
        return clipped(tensor, reach(bins.magnitudes(tensor.positive, tensor.negative), largest(tensor)))

    return Ranges(tensors={name: within(name, tensor) for name, tensor in statistics.tensors.items()})


def largest(tensor: TensorStatistics) -> float:
    """Largest magnitude that was seen."""
    return max(-tensor.low, tensor.high)
