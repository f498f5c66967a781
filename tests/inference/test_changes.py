"""The bound from the changed share against scipy's exact binomial interval."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lightning_trt.inference import ChangedShareTest


@pytest.mark.parametrize(("n", "changed"), [(50, 0), (1000, 0), (1000, 9), (100_000, 3), (29, 28)])
def test_bound_equals_scipy(n: int, changed: int) -> None:
    """Clopper and Pearson's upper end of the share that changes, on both sides of zero."""
    exact = stats.binomtest(changed, n).proportion_ci(0.95, method="exact").high

    found = ChangedShareTest(n=n, changed=changed).interval(0.025)

    assert found == pytest.approx((-exact, exact), rel=1e-9)


@pytest.mark.parametrize("limit", [0.002, 0.01, 0.5])
def test_p_value_equals_scipy(limit: float) -> None:
    """The chance that as few change where the drop, and so the share that changes, reaches the limit."""
    assert ChangedShareTest(n=1000, changed=4).p_at_least(limit) == pytest.approx(stats.binom.cdf(4, 1000, limit))


def test_everything_changed_bounds_nothing() -> None:
    """All that is left is that a drop within [0, 1] is at most 1."""
    assert ChangedShareTest(n=5, changed=5).interval(0.025) == (-1.0, 1.0)


@pytest.mark.parametrize("limit", [0.0, 0.01])
def test_never_says_that_a_drop_exceeds_a_limit(limit: float) -> None:
    """How few items changed is no evidence that it got worse."""
    assert ChangedShareTest(n=1000, changed=9).p_at_most(limit) == 1.0


def test_tells_that_it_did_not_get_better_by_much() -> None:
    """A limit below zero asks for a gain, and few changes say that there is none."""
    assert ChangedShareTest(n=1000, changed=0).p_at_most(-0.01) < 0.001


@given(n=st.integers(30, 20_000), changed=st.integers(0, 29), limit=st.floats(0, 1), alpha=st.floats(0.001, 0.4))
def test_interval_and_p_value_agree(n: int, changed: int, limit: float, alpha: float) -> None:
    """The upper end is within the limit exactly where "drop >= limit" is refused."""
    test = ChangedShareTest(n=n, changed=changed)
    high = test.interval(alpha)[1]

    assert abs(high - limit) < 1e-9 or (high < limit) == (test.p_at_least(limit) <= alpha)
