"""The paired bootstrap: weights of resamples, and the percentile interval of resampled drops."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING

from lightning_trt.errors import NoSamplesError
from lightning_trt.inference.student import t_cdf

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PercentileTest", "least_resamples", "resampling_weights"]

_NO_CLAIM = 0.5
_AS_GOOD_AS_NORMAL = 500


def resampling_weights(
    n: int, *, resamples: int, seed: int, block_elements: int = 1_000_000
) -> Iterator[NDArray[np.int64]]:
    """Blocks of shape `(some resamples, n)`: how often each of `n` units is drawn in each resample.

    A row is one resample: `n` draws with replacement, counted. The rows depend on `n` and `seed` alone: blocks of at
    most `block_elements` numbers only bound the memory, and more resamples begin with the same rows. Give both sides of
    a comparison the same rows, and it is paired.

    Raises:
        NoSamplesError: There is nothing to draw from.

    Example:
        >>> from lightning_trt.inference import resampling_weights
        >>> [block.shape for block in resampling_weights(100, resamples=5, seed=0, block_elements=200)]
        [(2, 100), (2, 100), (1, 100)]
        >>> {int(row.sum()) for block in resampling_weights(100, resamples=5, seed=0) for row in block}
        {100}
    """
    if n < 1:
        raise NoSamplesError(f"a bootstrap draws from the samples, and there are {n}. Validate on at least one batch.")
    # Imported here: who only reads an interval from resamples starts without it.
    import numpy as np  # noqa: PLC0415 - see above

    generator = np.random.default_rng(seed)
    rows = max(1, block_elements // n)
    for start in range(0, resamples, rows):
        weights = np.empty((min(rows, resamples - start), n), np.int64)
        for row in weights:
            row[:] = np.bincount(generator.integers(n, size=n), minlength=n)
        yield weights


def least_resamples(alpha: float) -> int:
    """The least number of resamples that can have an end at one-sided `alpha`.

    Example:
        >>> from lightning_trt.inference import least_resamples
        >>> least_resamples(0.025), least_resamples(0.05)
        (39, 19)
    """
    return math.ceil(1 / _exact(alpha)) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentileTest:
    """What the drops of one metric on the resamples of a paired bootstrap say of the true drop.

    The percentile interval with the observed drop counted among the resamples (Davison and Hinkley 1997, section 4.2),
    so that few resamples give a wider interval and never a smaller p-value than 1 / (resamples + 1). A resample on
    which the metric has no value speaks against both claims.

    Where only `changed` units differ between the sides the resamples vary too little and take no notice of skewness.
    So quantiles are stretched to those of Student's t (Hesterberg 2015, The American Statistician 69, 371-386), and a
    claim must also hold after the correction for skewness (Efron 1987, JASA 82, 171-185, its two constants a sixth of
    the resamples' skewness): of the two the more cautious counts.

    Example:
        >>> from lightning_trt.inference import PercentileTest
        >>> test = PercentileTest(drops=tuple(number / 1000 for number in range(39)))
        >>> test.interval(0.025), test.interval(0.05)
        ((0.0, 0.038), (0.001, 0.037))
        >>> test.p_at_least(0.038), round(test.p_at_least(0.0375), 12)
        (0.025, 0.05)
    """

    drops: tuple[float, ...]
    changed: int | None = None

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper end of the drop, each at one-sided `alpha`; infinite where there are too few resamples."""
        skewness = self._skewness()
        below, above = self._rank(alpha, -skewness), self._rank(alpha, skewness)
        low = self._sorted(nan=-math.inf)[below - 1] if below else -math.inf
        return low, self._sorted(nan=math.inf)[-above] if above else math.inf

    def p_at_least(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or more": small where the data say that it is less."""
        return self._p_value(sum(not drop <= limit for drop in self.drops), self._skewness())

    def p_at_most(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or less": small where the data say that it is more."""
        return self._p_value(sum(not drop >= limit for drop in self.drops), -self._skewness())

    def _rank(self, alpha: float, skewness: float) -> int:
        """How many resamples may lie at or beyond an end."""
        count = math.floor(_exact(alpha) * (len(self.drops) + 1))
        while count and self._p_value(count - 1, skewness) > alpha:
            count -= 1
        return count

    def _p_value(self, num_against: int, skewness: float) -> float:
        share = (1 + num_against) / (1 + len(self.drops))
        if self.changed is None or share >= _NO_CLAIM:
            return share
        z = -NormalDist().inv_cdf(share)
        return max(share, *(_stretched(each, self.changed) for each in (z, _unskewed(z, skewness))))

    def _skewness(self) -> float:
        """That of the resampled drops; 0 where they do not vary."""
        if self.changed is None:
            return 0.0
        finite = [drop for drop in self.drops if math.isfinite(drop)]
        middle = math.fsum(finite) / max(1, len(finite))
        squares, cubes = (math.fsum((drop - middle) ** power for drop in finite) for power in (2, 3))
        return cubes / len(finite) / (squares / len(finite)) ** 1.5 if squares > 0 else 0.0

    def _sorted(self, *, nan: float) -> list[float]:
        return sorted(nan if math.isnan(drop) else float(drop) for drop in self.drops)


def _stretched(z: float, changed: int) -> float:
    """The tail beyond `z` standard errors, where the spread is known from `changed` units only."""
    units = max(2, min(changed, _AS_GOOD_AS_NORMAL))
    return t_cdf(-z * math.sqrt((units - 1) / units), freedom=units - 1)


def _unskewed(z: float, skewness: float) -> float:
    """The standard errors at which a limit lies that stands at the resamples' normal quantile `z`."""
    bend = skewness / 6
    distance = z - bend
    # At the far end of a very skewed distribution the correction has no meaning.
    return distance / (1 + bend * distance) - bend if 1 + bend * distance > 0 else z


def _exact(alpha: float) -> Fraction:
    # The decimal that the user wrote: 0.025 of 2,000 resamples are 50 of them, not a float's neighbour.
    return Fraction(str(alpha))
