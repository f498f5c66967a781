"""The least expected squared error of int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.calibrators import bins
from lightning_trt.calibrators.clip import clipped_by_histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from lightning_trt.artifacts import Ranges, Statistics

__all__ = ["Mse", "least_squares", "squared_error"]

_LEVELS = 127
"""Positive levels of symmetric int8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mse:
    """The amax whose 127 even levels give the least squared error of all values together: rounding against clipping.

    The criterion of Sung et al. 2015 (https://arxiv.org/abs/1511.06488, the L2 norm) and of the `mse` of NVIDIA's
    pytorch-quantization; here every end of a float-bit bin is tried that could win, with no lower bound on the range,
    and a bin's values count as spread evenly over it. One value far enough out decides, because its error counts
    squared: `percentile` is for that. For int8: the levels of fp8 are not even, `minmax` serves it. Low and high are in
    the tensor's own units.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import Mse
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
        >>> Mse().ranges(statistics).tensors["relu"].amax
        1.984375
    """

    @property
    def needs_histograms(self) -> bool:
        """True: it weighs values by magnitude."""
        return True

    def ranges(self, statistics: Statistics) -> Ranges:
        """The range of each tensor of `statistics`, clipped symmetrically about zero.

        Raises:
            SettingsError: The pass behind `statistics` gathered extremes alone.
        """
        return clipped_by_histogram(statistics, least_squares, calibrator="mse")


def least_squares(counts: NDArray[np.int64], largest: float) -> float:
    """The amax of least squared error for magnitudes of these counts, none above `largest`; the widest of equals.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.calibrators.bins import FINITE_BINS, bin_of
        >>> from lightning_trt.calibrators.mse import least_squares
        >>> least_squares(np.bincount(bin_of(np.array([3.0], np.float32)), minlength=FINITE_BINS), 3.0)
        3.0
    """
    tail = _Tail.of(counts, largest)
    widest_first = tail.candidates()[::-1]
    return float(widest_first[np.argmax(tail.gain(widest_first))])


def squared_error(counts: NDArray[np.int64], largest: float, amax: float) -> tuple[float, float]:
    """The sum of squared errors that int8 up to `amax` makes of magnitudes of these counts, and their sum of squares.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.calibrators.bins import FINITE_BINS, bin_of
        >>> from lightning_trt.calibrators.mse import squared_error
        >>> ones = np.bincount(bin_of(np.array([1.0], np.float32)), minlength=FINITE_BINS)
        >>> error, squares = squared_error(ones, 1.0, 0.5)
        >>> round(error, 2), round(squares, 2)
        (0.25, 1.0)
    """
    tail = _Tail.of(counts, largest)
    gained = 2 * float(tail.gain(np.array([amax]))[0])
    return max(0.0, tail.squares - gained), tail.squares


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tail:
    """What lies beyond each border of the bins, values spread evenly within a bin; arrays of shape `(borders,)`.

    `number` is how many values do, `excess` by how much they do, all together: the integral of `number`.
    """

    borders: NDArray[np.float64]
    number: NDArray[np.float64]
    excess: NDArray[np.float64]

    @classmethod
    def of(cls, counts: NDArray[np.int64], largest: float) -> Self:
        """The tail of magnitudes of these counts, none above `largest`."""
        borders = bins.borders(largest)
        number = _from_the_end(counts.astype(np.float64))
        return cls(
            borders=borders,
            number=number,
            excess=_from_the_end(np.diff(borders) * (number[:-1] + number[1:]) / 2),
        )

    def candidates(self) -> NDArray[np.float64]:
        """The borders, ascending, at which clipping alone costs no more than rounding to the widest range does."""
        # Twice the integral of the excess is the sum of squares: of those beyond a border a bit too little is taken, of
        # all a bit too much, so that none is left out that could win.
        widths = np.diff(self.borders)
        clipping = 2 * _from_the_end(widths * self.excess[1:])
        squares = np.sum(widths * (self.excess[:-1] + self.excess[1:]))
        rounding = squares - 2 * self.gain(self.borders[-1:])[0]
        narrowest = np.searchsorted(-clipping, -rounding)
        widest = np.searchsorted(self.borders, self.borders[-1])
        return self.borders[max(1, min(narrowest, widest)) : widest + 1]

    def gain(self, amax: NDArray[np.float64]) -> NDArray[np.float64]:
        """Half of what quantization to each `amax` takes off the sum of squares, which is its error.

        A value x within half a step of level k has the squared error (x - ks)^2, which is x^2 less 2s(x - b) for each
        of the k borders b = s/2, 3s/2, ... that it lies beyond.
        """
        step = amax[:, None] / _LEVELS
        gained: NDArray[np.float64] = step[:, 0] * self._excess_at(step * (np.arange(_LEVELS) + 0.5)).sum(axis=1)
        return gained

    @property
    def squares(self) -> float:
        """The sum of squares: twice the integral of the excess, which is a parabola between two borders."""
        width = np.diff(self.borders)
        number = self.number[:-1], self.number[1:]
        return float(np.sum(width * (2 * self.excess[1:] + width * (number[0] + 2 * number[1]) / 3)))

    def _excess_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        points = np.minimum(points, self.borders[-1])
        at = bins.bin_of(points.astype(np.float32))
        width = np.diff(self.borders)
        density = np.divide(-np.diff(self.number), width, out=np.zeros_like(width), where=width > 0)
        rest = self.borders[1:][at] - points
        return self.excess[1:][at] + rest * (self.number[1:][at] + rest * density[at] / 2)


def _from_the_end(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of each value and all behind it, and a zero for none."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)
