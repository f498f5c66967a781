"""What is kept of a tensor while blocks of it pass by, in constant memory but for two numbers a row."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from lightning_trt.artifacts import TensorStatistics
from lightning_trt.calibrators.bins import NUM_BINS, SHIFT
from lightning_trt.calibrators.statistics import finite_extremes
from lightning_trt.stages.calibrate.observing import extremes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from lightning_trt.stages.calibrate.observing import Extremes

__all__ = ["Tally", "folded"]

ScalarT = TypeVar("ScalarT", bound=np.generic)

_SIGNED_BINS = 2 * NUM_BINS


class Tally:
    """Counts and extremes of one tensor; `statistics` once all rows were added.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.stages.calibrate.tally import Tally
        >>> tally = Tally(histograms=True)
        >>> tally.add(np.array([[1.0, -2.0], [0.0, 3.0]], np.float32))
        >>> seen = tally.statistics(np.array([4, 9]))
        >>> seen.low, seen.high, seen.zeros, seen.sample_highs.tolist()
        (-2.0, 3.0, 1, [1.0, 3.0])
    """

    def __init__(self, *, histograms: bool) -> None:
        self._count = self._nans = self._infs = 0
        # One memory that grows: an array kept of each block would keep the allocator from giving back what lies around.
        self._lows = array("f")
        self._highs = array("f")
        self._bins = torch.zeros(_SIGNED_BINS, dtype=torch.int64) if histograms else None

    def add(self, rows: NDArray[np.float32]) -> None:
        """Nothing; `rows`, of shape `(rows, values)`, are counted."""
        extremes = extremes_of(rows)
        self.add_extremes(extremes, num_rows=len(rows))
        # A NaN shows in both extremes of its row, an infinity in one: only then is it worth another look.
        if not (np.isfinite(extremes.lows).all() and np.isfinite(extremes.highs).all()):
            self._nans += int(np.isnan(rows).sum())
            self._infs += int(np.isinf(rows).sum())
        if self._bins is not None:
            self._bins += _counted(torch.from_numpy(np.ascontiguousarray(rows)))

    def add_extremes(self, extremes: Extremes, *, num_rows: int) -> None:
        """Nothing; the first `num_rows` of `extremes` are taken."""
        self._lows.frombytes(extremes.lows[:num_rows].tobytes())
        self._highs.frombytes(extremes.highs[:num_rows].tobytes())
        self._count += num_rows * extremes.count

    def statistics(self, items: NDArray[np.int64]) -> TensorStatistics:
        """What was seen, where `items` is the dataset item of each row; the rows of one item are one sample."""
        lows = folded(np.minimum, np.array(self._lows, np.float32), items)
        highs = folded(np.maximum, np.array(self._highs, np.float32), items)
        low, high = finite_extremes(lows, highs)
        bins = None if self._bins is None else self._bins.numpy()
        return TensorStatistics(
            count=self._count,
            nans=self._nans,
            infs=self._infs,
            low=low,
            high=high,
            sample_lows=lows,
            sample_highs=highs,
            positive=None if bins is None else bins[:NUM_BINS],
            negative=None if bins is None else bins[NUM_BINS:],
        )


def folded(fold: np.ufunc, rows: NDArray[ScalarT], items: NDArray[np.int64]) -> NDArray[ScalarT]:
    """One number for each item, ascending, of the numbers of its rows.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.stages.calibrate.tally import folded
        >>> folded(np.maximum, np.array([1.0, 5.0, 3.0]), np.array([7, 2, 7])).tolist()
        [5.0, 3.0]
    """
    order = np.argsort(items, kind="stable")
    _, starts = np.unique(items[order], return_index=True)
    result: NDArray[ScalarT] = fold.reduceat(rows[order], starts)
    return result


def _counted(rows: Tensor) -> Tensor:
    """Number of values by sign and the upper bits of their pattern, the negative ones after the others."""
    bits = rows.view(torch.int32).flatten()
    # torch's bincount takes 32-bit integers as they are; numpy's makes 64-bit ones of them first.
    return torch.bincount((bits >> SHIFT).bitwise_and_(_SIGNED_BINS - 1), minlength=_SIGNED_BINS)
