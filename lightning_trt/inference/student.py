"""Student's t, and the interval of a mean of batches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

from lightning_trt.inference.roots import crossing

__all__ = ["StudentTest", "t_cdf", "t_quantile"]

_LARGEST = 1e9
_HARDLY_BENT = 1e-6


def t_cdf(t: float, *, freedom: int) -> float:
    """The probability that Student's t with `freedom` degrees of freedom is at most `t`.

    The finite series in the angle of `t` (Abramowitz and Stegun 26.7.3 and 26.7.4), exact for whole degrees of freedom.

    Example:
        >>> from lightning_trt.inference import t_cdf
        >>> t_cdf(0.0, freedom=7), round(t_cdf(1.0, freedom=1), 12)
        (0.5, 0.75)
    """
    angle = math.atan2(t, math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    is_odd = freedom % 2
    # 1 + cos^2/2 + (1*3)/(2*4) cos^4 + ... for even degrees, 1 + 2/3 cos^2 + (2*4)/(3*5) cos^4 + ... for odd ones
    steps = (step / (step + 1) * cosine**2 for step in range(1 + is_odd, freedom - 1, 2))
    series = math.fsum(accumulate(steps, mul, initial=1.0))
    if not is_odd:
        return 0.5 + sine * series / 2
    return 0.5 + (angle + (sine * cosine * series if freedom > 1 else 0.0)) / math.pi


def t_quantile(probability: float, *, freedom: int) -> float:
    """The value that Student's t with `freedom` degrees of freedom stays below with `probability`.

    Example:
        >>> from lightning_trt.inference import t_quantile
        >>> round(t_quantile(0.975, freedom=29), 4)
        2.0452
    """
    return crossing(lambda t: -t_cdf(t, freedom=freedom), -probability, low=-_LARGEST, high=_LARGEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentTest:
    """What `n` batches say of the drop, whose `mean` over them has the sample standard `deviation` and `skewness`.

    Where few batches move, and all one way, their deviation is small just when their mean is: Student's t says PASS
    falsely up to five times as often as alpha. So a claim must also hold after the correction for skewness (Hall 1992,
    Journal of the Royal Statistical Society B 54, 221-228): of the two the more cautious counts.

    Example:
        >>> from lightning_trt.inference import StudentTest
        >>> test = StudentTest(n=30, mean=0.01, deviation=0.02)
        >>> [round(end, 4) for end in test.interval(0.025)]
        [0.0025, 0.0175]
        >>> round(test.p_at_most(0.0), 3)
        0.005
        >>> [round(end, 4) for end in StudentTest(n=30, mean=0.01, deviation=0.02, skewness=2.0).interval(0.025)]
        [0.0025, 0.0216]
    """

    n: int
    mean: float
    deviation: float
    skewness: float = 0.0

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper end of the drop, each at one-sided `alpha`."""
        t = t_quantile(1 - alpha, freedom=self.n - 1)
        above, below = max(t, self._uncorrected(t)), min(-t, self._uncorrected(-t))
        return self.mean - above * self._error, self.mean - below * self._error

    def p_at_least(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or more": small where the data say that it is less."""
        t = (self.mean - limit) / self._error
        return t_cdf(max(t, self._corrected(t)), freedom=self.n - 1)

    def p_at_most(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or less": small where the data say that it is more."""
        t = (self.mean - limit) / self._error
        return t_cdf(-min(t, self._corrected(t)), freedom=self.n - 1)

    @property
    def _error(self) -> float:
        return self.deviation / math.sqrt(self.n)

    @property
    def _bend(self) -> float:
        return self.skewness / math.sqrt(self.n)

    def _corrected(self, t: float) -> float:
        """The statistic `t`, bent so that it has Student's distribution for skewed batches too; it rises with `t`."""
        bend = self._bend
        return t + bend / 6 + bend * t**2 / 3 + bend**2 * t**3 / 27

    def _uncorrected(self, corrected: float) -> float:
        """The statistic that `_corrected` makes this of."""
        bend = self._bend
        if abs(bend) < _HARDLY_BENT:
            return corrected
        cube = 1 + bend * (corrected - bend / 6)
        return 3 * (math.copysign(abs(cube) ** (1 / 3), cube) - 1) / bend
