"""Student's t against scipy, and the interval of batch means against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lightning_trt.inference import StudentTest, t_cdf, t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 29, 30, 101, 5000, 100_001])
@pytest.mark.parametrize("t", [-40.0, -3.0, -1e-3, 0.0, 0.5, 2.0, 12.0])
def test_cdf_equals_scipy(t: float, freedom: int) -> None:
    """For odd and even degrees of freedom, in the middle and in the tails."""
    assert t_cdf(t, freedom=freedom) == pytest.approx(stats.t.cdf(t, freedom), abs=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 29, 30, 999, 10_000])
@pytest.mark.parametrize("probability", [0.6, 0.9, 0.975, 0.9999])
def test_quantile_equals_scipy(probability: float, freedom: int) -> None:
    """To nine digits."""
    assert t_quantile(probability, freedom=freedom) == pytest.approx(stats.t.ppf(probability, freedom), rel=1e-9)


def test_interval_equals_scipy() -> None:
    """The same ends as scipy's one-sample t interval."""
    drops = np.random.default_rng(0).normal(0.01, 0.02, size=40)
    test = StudentTest(n=40, mean=drops.mean(), deviation=drops.std(ddof=1))

    expected = stats.ttest_1samp(drops, 0.0).confidence_interval(0.95)

    assert test.interval(0.025) == pytest.approx(tuple(expected))


@pytest.mark.parametrize(("method", "side"), [("p_at_least", "less"), ("p_at_most", "greater")])
def test_p_value_equals_scipy(method: str, side: str) -> None:
    """The same p-values as scipy's one-sided t tests against the limit."""
    drops = np.random.default_rng(1).normal(0.01, 0.02, size=40)
    test = StudentTest(n=40, mean=drops.mean(), deviation=drops.std(ddof=1))

    assert getattr(test, method)(0.012) == pytest.approx(stats.ttest_1samp(drops, 0.012, alternative=side).pvalue)


@given(
    mean=st.floats(-1, 1),
    deviation=st.floats(0.01, 1),
    skewness=st.floats(-6, 6),
    alpha=st.floats(0.001, 0.4),
    limit=st.floats(-2, 2),
)
def test_interval_and_p_values_agree(
    mean: float, deviation: float, skewness: float, alpha: float, limit: float
) -> None:
    """An end is beyond the limit exactly where the claim on that side is refused."""
    test = StudentTest(n=30, mean=mean, deviation=deviation, skewness=skewness)
    low, high = test.interval(alpha)

    assert abs(high - limit) < 1e-6 or (high < limit) == (test.p_at_least(limit) <= alpha)
    assert abs(low - limit) < 1e-6 or (low > limit) == (test.p_at_most(limit) <= alpha)


def test_turned_round_the_interval_is_mirrored() -> None:
    """A metric of the other direction has the same interval with other signs."""
    test = StudentTest(n=40, mean=0.01, deviation=0.02, skewness=3.0)
    mirrored = StudentTest(n=40, mean=-0.01, deviation=0.02, skewness=-3.0)

    assert mirrored.interval(0.025) == pytest.approx([-end for end in reversed(test.interval(0.025))])
