"""Exact binomial sums against scipy's."""

from __future__ import annotations

import pytest
from scipy import stats

from lightning_trt.inference import binomial_cdf, mcnemar


@pytest.mark.parametrize(("most", "n", "share"), [(0, 10, 0.3), (4, 1000, 0.01), (900, 2000, 0.5), (10, 10, 0.2)])
def test_sum_equals_scipy(most: int, n: int, share: float) -> None:
    """To the digits that logarithms of factorials leave."""
    assert binomial_cdf(most, n=n, share=share) == pytest.approx(stats.binom.cdf(most, n, share), rel=1e-9)


@pytest.mark.parametrize(("worse", "better"), [(9, 1), (0, 0), (5, 5), (40, 60), (3000, 3200)])
def test_mcnemar_equals_the_binomial_test(worse: int, better: int) -> None:
    """McNemar's exact test is a binomial test of the items that turned."""
    expected = stats.binomtest(worse, worse + better).pvalue if worse + better else 1.0

    assert mcnemar(worse, better) == pytest.approx(expected, rel=1e-6)
