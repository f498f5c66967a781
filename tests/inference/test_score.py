"""Tango's score interval against published examples, another way to compute it, and its own exact error rates."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from lightning_trt.inference import ScoreTest

ALPHA = 0.025


@st.composite
def score_tests(draw: st.DrawFn) -> ScoreTest:
    """Any counts that fit together."""
    n = draw(st.integers(1, 3000))
    worse = draw(st.integers(0, n))
    return ScoreTest(n=n, worse=worse, better=draw(st.integers(0, n - worse)))


def closed_form(n: int, worse: int, better: int, alpha: float) -> tuple[float, float]:
    """The interval as roots of a quartic: Yang, Sun and Hardin 2013, Statistics in Medicine 32, 1336-1342."""
    g = NormalDist().inv_cdf(1 - alpha) ** 2
    net, both, ratio = worse - better, worse + better, n / g
    roots = np.roots(
        [
            n**2 * (ratio + 1) ** 2,
            -n * net * (ratio + 1) * (4 * ratio + 1),
            2 * n * net**2 * (3 * ratio + 2) / g - n**2 * (both / g + 1),
            n * net * (2 * both / g + 1) - net**3 * (4 * ratio + 1) / g,
            net**2 * (net**2 / g - both) / g,
        ]
    )
    return min(roots.real), max(roots.real)


@pytest.mark.parametrize(
    ("counts", "confidence", "expected"),
    [
        pytest.param((32, 9, 3), 0.95, (-0.027, 0.390), id="tango-1998-first"),
        pytest.param((44, 0, 1), 0.90, (-0.096, 0.037), id="tango-1998-contact-lenses"),
    ],
)
def test_gives_the_published_interval(
    counts: tuple[int, int, int], confidence: float, expected: tuple[float, float]
) -> None:
    """To all printed digits."""
    n, worse, better = counts

    found = ScoreTest(n=n, worse=worse, better=better).interval((1 - confidence) / 2)

    assert tuple(round(end, 3) for end in found) == expected


@pytest.mark.parametrize("counts", [(32, 9, 3), (44, 0, 1), (160, 40, 20), (1600, 150, 86), (10_000, 60, 40)], ids=str)
@pytest.mark.parametrize("alpha", [0.005, 0.025, 0.1])
def test_end_further_from_zero_equals_the_closed_form(counts: tuple[int, int, int], alpha: float) -> None:
    """The root found there is that of the quartic."""
    n, worse, better = counts
    end = int(worse > better)

    found = ScoreTest(n=n, worse=worse, better=better).interval(alpha)

    assert found[end] == pytest.approx(closed_form(n, worse, better, alpha)[end], abs=1e-7)


@pytest.mark.parametrize("counts", [(32, 9, 3), (44, 0, 1), (1000, 8, 8), (1600, 120, 116)], ids=str)
def test_interval_that_holds_zero_equals_the_closed_form(counts: tuple[int, int, int]) -> None:
    """Tango's interval as it is, where nothing is claimed to be worse or better."""
    n, worse, better = counts

    found = ScoreTest(n=n, worse=worse, better=better).interval(ALPHA)

    assert found == pytest.approx(closed_form(n, worse, better, ALPHA), abs=1e-7)


@pytest.mark.parametrize("counts", [(160, 40, 20), (1000, 30, 0), (1600, 150, 86), (10_000, 60, 40)], ids=str)
def test_end_nearer_to_zero_is_drawn_towards_it(counts: tuple[int, int, int]) -> None:
    """By less than a tenth of the interval: Tango's end is a little too sure of a drop."""
    n, worse, better = counts
    low, high = closed_form(n, worse, better, ALPHA)

    found, _ = ScoreTest(n=n, worse=worse, better=better).interval(ALPHA)

    assert low - (high - low) / 10 < found < low


@pytest.mark.parametrize("n", [10, 1000, 50_000])
def test_unchanged_items_bound_the_drop_by_their_number(n: int) -> None:
    """Where nothing changed the ends are z^2 / (n + z^2), not zero."""
    z = NormalDist().inv_cdf(1 - ALPHA)

    found = ScoreTest(n=n, worse=0, better=0).interval(ALPHA)

    assert found == pytest.approx((-(z**2) / (n + z**2), z**2 / (n + z**2)))


def test_equals_mcnemar_at_no_drop() -> None:
    """Against a limit of zero the score test is McNemar's, without correction."""
    test = ScoreTest(n=500, worse=25, better=11)

    assert test.p_at_most(0.0) == pytest.approx(1 - NormalDist().cdf((25 - 11) / math.sqrt(25 + 11)))


@given(test=score_tests(), alpha=st.floats(0.001, 0.4))
def test_interval_is_ordered_and_holds_the_drop(test: ScoreTest, alpha: float) -> None:
    """The observed drop lies inside, and the ends within what a drop can be."""
    low, high = test.interval(alpha)

    assert -1 <= low <= (test.worse - test.better) / test.n <= high <= 1


@given(test=score_tests(), alpha=st.floats(0.001, 0.4))
def test_swapping_sides_mirrors_the_interval(test: ScoreTest, alpha: float) -> None:
    """What is worse for one side is better for the other."""
    low, high = test.interval(alpha)

    mirrored = ScoreTest(n=test.n, worse=test.better, better=test.worse).interval(alpha)

    assert mirrored == pytest.approx((-high, -low), abs=1e-9)


@given(test=score_tests(), alpha=st.floats(0.001, 0.4), limit=st.floats(-0.99, 0.99))
def test_interval_and_p_value_agree(test: ScoreTest, alpha: float, limit: float) -> None:
    """The upper end is within the limit where "drop >= limit" is refused, and the lower beyond it likewise."""
    low, high = test.interval(alpha)

    if abs(high - limit) > 1e-9:
        assert (high < limit) == (test.p_at_least(limit) <= alpha)
    if abs(low - limit) > 1e-9:
        assert (low > limit) == (test.p_at_most(limit) <= alpha)


@given(test=score_tests(), limits=st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted))
def test_p_value_falls_as_the_limit_grows(test: ScoreTest, limits: list[float]) -> None:
    """A wider limit is never harder to pass."""
    assert test.p_at_least(limits[1]) <= test.p_at_least(limits[0]) + 1e-9


@pytest.mark.parametrize(("limit", "passes"), [(1.0, 0.0), (5.0, 0.0), (math.inf, 0.0), (-1.0, 1.0), (-5.0, 1.0)])
def test_limit_that_no_drop_can_reach(limit: float, passes: float) -> None:
    """Beyond the ends of what a drop can be nothing is left to doubt."""
    assert ScoreTest(n=10, worse=1, better=0).p_at_least(limit) == passes


def test_all_items_worse_end_at_one() -> None:
    """The interval ends where the drop cannot grow."""
    assert ScoreTest(n=10, worse=10, better=0).interval(ALPHA)[1] == 1.0


def error_rates(n: int, limit: float, better_share: float) -> tuple[float, float]:
    """Exact chances of a false PASS and a false FAIL where the true drop is the limit: all outcomes, weighted."""
    changed_share = limit + 2 * better_share
    false_pass = false_fail = 0.0
    for changed in range(int(binom.isf(1e-7, n, changed_share)) + 1):
        for worse in range(changed + 1):
            chance = binom.pmf(changed, n, changed_share) * binom.pmf(
                worse, changed, (limit + better_share) / changed_share
            )
            if chance > 1e-9:
                test = ScoreTest(n=n, worse=worse, better=changed - worse)
                false_pass += chance * (test.p_at_least(limit) <= ALPHA)
                false_fail += chance * (test.p_at_most(limit) <= ALPHA)
    return false_pass, false_fail


@pytest.mark.parametrize("limit", [0.0025, 0.01, 0.02])
@pytest.mark.parametrize("better_share", [0.0, 0.002, 0.01])
@pytest.mark.parametrize("n", [200, 500, 1000])
def test_errs_no_more_often_than_alpha(n: int, better_share: float, limit: float) -> None:
    """At the limit a false PASS and a false FAIL are as rare as alpha, but for the steps that whole items make."""
    false_pass, false_fail = error_rates(n, limit, better_share)

    assert false_pass <= 1.07 * ALPHA
    assert false_fail <= 1.14 * ALPHA
