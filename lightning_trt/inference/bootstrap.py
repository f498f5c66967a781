"""The paired bootstrap: weights of resamples, and the percentile interval of resampled drops."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from lightning_trt.errors import NoSamplesError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PercentileTest", "least_resamples", "resampling_weights"]


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

    Example:
        >>> from lightning_trt.inference import PercentileTest
        >>> test = PercentileTest(drops=tuple(number / 1000 for number in range(39)))
        >>> test.interval(0.025), test.interval(0.05)
        ((0.0, 0.038), (0.001, 0.037))
        >>> test.p_at_least(0.038), test.p_at_least(0.0375)
        (0.025, 0.05)
    """

    drops: tuple[float, ...]

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper end of the drop, each at one-sided `alpha`; infinite where there are too few resamples."""
        rank = math.floor(_exact(alpha) * (len(self.drops) + 1))
        if rank < 1:
            return -math.inf, math.inf
        return self._sorted(nan=-math.inf)[rank - 1], self._sorted(nan=math.inf)[-rank]

    def p_at_least(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or more": small where the data say that it is less."""
        return self._share(sum(not drop <= limit for drop in self.drops))

    def p_at_most(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or less": small where the data say that it is more."""
        return self._share(sum(not drop >= limit for drop in self.drops))

    def _sorted(self, *, nan: float) -> list[float]:
        return sorted(nan if math.isnan(drop) else float(drop) for drop in self.drops)

    def _share(self, num_against: int) -> float:
        return (1 + num_against) / (1 + len(self.drops))


def _exact(alpha: float) -> Fraction:
    # The decimal that the user wrote: 0.025 of 2,000 resamples are 50 of them, not a float's neighbour.
    return Fraction(str(alpha))
