"""Tango's score test for the difference of two paired proportions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from lightning_trt.inference.roots import crossing

__all__ = ["ScoreTest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTest:
    """What `n` items say of the drop of their mean, of which `worse` fell from 1 to 0 and `better` rose from 0 to 1.

    After Tango 1998 (Statistics in Medicine 17, 891-908): the score statistic under a supposed drop, its nuisance
    parameter estimated under the same, so that it holds where few items or none changed. The error rates are
    asymptotic: nominal where about ten items or more would have to change to reach the limit.

    Example:
        >>> from lightning_trt.inference import ScoreTest
        >>> test = ScoreTest(n=32, worse=9, better=3)
        >>> [round(end, 4) for end in test.interval(0.025)]
        [-0.0271, 0.3897]
        >>> round(test.p_at_least(0.3897), 3), round(test.p_at_most(-0.0271), 3)
        (0.025, 0.025)
    """

    n: int
    worse: int
    better: int

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper end of the drop, each at one-sided `alpha`."""
        z = NormalDist().inv_cdf(1 - alpha)
        drop = (self.worse - self.better) / self.n
        low = crossing(self._statistic, z, low=-1.0, high=drop)
        return low, crossing(self._statistic, -z, low=drop, high=1.0)

    def p_at_least(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or more": small where the data say that it is less."""
        return NormalDist().cdf(self._statistic(limit))

    def p_at_most(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or less": small where the data say that it is more."""
        return NormalDist().cdf(-self._statistic(limit))

    def _statistic(self, drop: float) -> float:
        """Standard errors between the observed drop and a supposed one; it falls as the supposed one grows."""
        if drop < 0:
            return -_statistic(-drop, n=self.n, worse=self.better, better=self.worse)
        return _statistic(drop, n=self.n, worse=self.worse, better=self.better)


def _statistic(drop: float, *, n: int, worse: int, better: int) -> float:
    """The statistic of a supposed `drop` of 0 or more."""
    distance = worse - better - n * drop
    share = _better_share(drop, n=n, worse=worse, better=better)
    variance = n * (2 * share + drop * (1 - drop)) if drop < 1 else 0.0
    if variance > 0:
        return distance / math.sqrt(variance)
    # No spread is left at the end of what a drop can be, or nothing changed and no drop is supposed.
    return math.copysign(math.inf, distance) if distance else 0.0


def _better_share(drop: float, *, n: int, worse: int, better: int) -> float:
    """The likeliest share of items that got better, where the share that got worse is larger by `drop`."""
    linear = (2 * n - worse + better) * drop - worse - better
    product = max(0.0, 2 * better * drop * (1 - drop))
    root = math.hypot(linear, math.sqrt(4 * n * product))
    # Of the two spellings of the root the one that adds, so that no digits are lost.
    return product / (root + linear) if linear > 0 else (root - linear) / (4 * n)
