"""The bound on a drop that follows from how few items changed."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_trt.inference.binomial import binomial_cdf
from lightning_trt.inference.roots import crossing

__all__ = ["ChangedShareTest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedShareTest:
    """What `n` items, of which `changed` have another value, say of the drop of a mean of values within [0, 1].

    A changed item moves the mean by at most its share, so the drop is no larger than the share of items that change,
    and that share has an exact bound (Clopper and Pearson 1934, Biometrika 26, 404-413). Wide, but right where too few
    changed for a bootstrap.

    Example:
        >>> from lightning_trt.inference import ChangedShareTest
        >>> [round(end, 5) for end in ChangedShareTest(n=1000, changed=0).interval(0.025)]
        [-0.00368, 0.00368]
        >>> round(ChangedShareTest(n=1000, changed=3).p_at_least(0.01), 4)
        0.0101
    """

    n: int
    changed: int

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper end of the drop, each at one-sided `alpha`."""
        share = crossing(self._as_few, alpha, low=0.0, high=1.0)
        return -share, share

    def p_at_least(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or more": small where the data say that it is less."""
        return self._as_few(limit)

    def p_at_most(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or less": small where the data say that it is more."""
        return self._as_few(-limit)

    def _as_few(self, share: float) -> float:
        """The probability that as few items change, or fewer, where `share` of all would."""
        return binomial_cdf(self.changed, n=self.n, share=share)
