"""Exact sums of the binomial distribution, and what follows from them."""

from __future__ import annotations

import math

__all__ = ["binomial_cdf", "mcnemar"]


def binomial_cdf(most: int, *, n: int, share: float) -> float:
    """The probability that at most `most` of `n` happen where each does with probability `share`.

    Example:
        >>> from lightning_trt.inference import binomial_cdf
        >>> round(binomial_cdf(1, n=2, share=0.5), 12)
        0.75
    """
    if share <= 0 or most >= n:
        return 1.0
    if share >= 1:
        return 0.0
    odds = math.log(share) - math.log1p(-share)
    none = n * math.log1p(-share)
    return min(1.0, sum(math.exp(_log_choices(n, k) + none + k * odds) for k in range(most + 1)))


def mcnemar(worse: int, better: int) -> float:
    """The exact two-sided p-value of "an item that turns is as likely to get worse as better" (McNemar 1947).

    Example:
        >>> from lightning_trt.inference import mcnemar
        >>> round(mcnemar(9, 1), 4), mcnemar(3, 3)
        (0.0215, 1.0)
    """
    return min(1.0, 2 * binomial_cdf(min(worse, better), n=worse + better, share=0.5))


def _log_choices(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
