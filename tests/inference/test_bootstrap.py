"""Resampling weights and the percentile interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_trt.errors import NoSamplesError
from lightning_trt.inference import PercentileTest, least_resamples, resampling_weights

DROPS = st.lists(st.floats(-1, 1), min_size=39, max_size=200).map(tuple)


def test_rows_do_not_depend_on_the_blocks() -> None:
    """Memory is bounded, numbers are not changed."""
    whole = np.concatenate(list(resampling_weights(50, resamples=20, seed=3)))

    pieces = np.concatenate(list(resampling_weights(50, resamples=20, seed=3, block_elements=150)))

    assert np.array_equal(whole, pieces)


def test_more_resamples_begin_with_the_same_rows() -> None:
    """A larger time budget adds to what a smaller one saw."""
    few = np.concatenate(list(resampling_weights(50, resamples=5, seed=3)))

    many = np.concatenate(list(resampling_weights(50, resamples=20, seed=3)))

    assert np.array_equal(few, many[:5])


def test_seeds_give_other_rows() -> None:
    """The seed is used."""
    (first,), (second,) = (list(resampling_weights(50, resamples=5, seed=seed)) for seed in (0, 1))

    assert not np.array_equal(first, second)


@given(n=st.integers(1, 300), resamples=st.integers(1, 20))
def test_every_row_draws_as_many_as_there_are(n: int, resamples: int) -> None:
    """Whole counts that sum to n, one row for each resample."""
    weights = np.concatenate(list(resampling_weights(n, resamples=resamples, seed=0)))

    assert weights.shape == (resamples, n)
    assert weights.dtype == np.int64
    assert (weights.sum(axis=1) == n).all()
    assert weights.min() >= 0


def test_units_are_drawn_like_a_multinomial() -> None:
    """Mean 1 and variance 1 - 1/n for each unit."""
    weights = np.concatenate(list(resampling_weights(20, resamples=20_000, seed=0)))

    assert weights.mean(axis=0) == pytest.approx(np.ones(20), abs=0.03)
    assert weights.var(axis=0) == pytest.approx(np.full(20, 0.95), abs=0.05)


def test_one_unit_larger_than_a_block_still_comes() -> None:
    """At least one row is made at a time."""
    assert [block.shape for block in resampling_weights(100, resamples=2, seed=0, block_elements=10)] == [(1, 100)] * 2


def test_nothing_to_draw_from_is_an_error() -> None:
    """It says what to do."""
    with pytest.raises(NoSamplesError, match="at least one batch"):
        next(resampling_weights(0, resamples=1, seed=0))


def test_ends_are_order_statistics() -> None:
    """The 50th from either end of 1,999 resamples at 0.025, exactly."""
    drops = np.random.default_rng(0).permutation(1999) / 1000

    assert PercentileTest(drops=tuple(drops)).interval(0.025) == (0.049, 1.949)


def test_alpha_is_the_decimal_that_was_written() -> None:
    """0.3 of ten are three, though the float 0.3 is a little less."""
    assert PercentileTest(drops=tuple(range(9))).interval(0.3) == (2, 6)


@pytest.mark.parametrize("alpha", [0.025, 0.05, 0.1, 0.01, 0.001])
def test_least_resamples_have_ends(alpha: float) -> None:
    """That many have an interval, one less has none."""
    least = least_resamples(alpha)

    assert math.isfinite(PercentileTest(drops=(0.0,) * least).interval(alpha)[1])
    assert PercentileTest(drops=(0.0,) * (least - 1)).interval(alpha) == (-math.inf, math.inf)


@pytest.mark.parametrize("changed", [10, 50, 5000])
def test_few_changed_units_give_a_wider_interval(changed: int) -> None:
    """The fewer units changed, the less is known of the spread; of very many the percentiles are as good as theirs."""
    drops = tuple(np.random.default_rng(0).normal(size=2000).tolist())
    low, high = PercentileTest(drops=drops).interval(0.025)

    stretched = PercentileTest(drops=drops, changed=changed).interval(0.025)

    assert stretched[1] - stretched[0] == pytest.approx((high - low) * (1 + 2.2 / changed), rel=0.05)


def test_skewed_resamples_widen_the_longer_tail() -> None:
    """Where a few large drops decide, the true drop may well be larger than the percentile says."""
    drops = tuple(np.random.default_rng(0).gamma(10, size=2000).tolist())

    plain, corrected = (PercentileTest(drops=drops, changed=changed).interval(0.025) for changed in (None, 5000))

    assert corrected[0] == pytest.approx(plain[0], abs=0.1)
    assert corrected[1] > plain[1] + 0.5


def test_p_value_is_never_smaller_than_the_resamples_can_tell() -> None:
    """The observed drop counts as one resample against every claim."""
    assert PercentileTest(drops=(0.0,) * 99).p_at_least(1.0) == 0.01


def test_resamples_without_a_value_speak_against_both_claims() -> None:
    """A NaN neither passes nor fails."""
    test = PercentileTest(drops=(math.nan,) * 10 + (0.0,) * 89)

    assert (test.p_at_least(0.5), test.p_at_most(-0.5)) == (0.11, 0.11)


def test_many_resamples_without_a_value_leave_no_ends() -> None:
    """Too many NaN for this alpha."""
    assert PercentileTest(drops=(math.nan,) * 10 + (0.0,) * 89).interval(0.05) == (-math.inf, math.inf)


@given(drops=DROPS, order=st.randoms())
def test_order_of_resamples_does_not_matter(drops: tuple[float, ...], order: st.randoms) -> None:
    """The same resamples in another order give the same interval."""
    shuffled = list(drops)
    order.shuffle(shuffled)

    assert PercentileTest(drops=tuple(shuffled)).interval(0.025) == PercentileTest(drops=drops).interval(0.025)


@given(drops=DROPS)
def test_swapping_sides_mirrors_the_interval(drops: tuple[float, ...]) -> None:
    """What is worse for one side is better for the other."""
    low, high = PercentileTest(drops=drops).interval(0.025)

    assert PercentileTest(drops=tuple(-drop for drop in drops)).interval(0.025) == (-high, -low)


@given(drops=DROPS, limit=st.floats(-1, 1), alpha=st.floats(0.026, 0.4))
def test_interval_and_p_value_agree(drops: tuple[float, ...], limit: float, alpha: float) -> None:
    """The upper end is within the limit exactly where "drop >= limit" is refused, and the lower likewise."""
    test = PercentileTest(drops=drops)
    low, high = test.interval(alpha)

    assert (high <= limit) == (test.p_at_least(limit) <= alpha)
    assert (low >= limit) == (test.p_at_most(limit) <= alpha)


def test_errs_no_more_often_than_alpha() -> None:
    """Of 400 bootstraps of a mean over 300 items at its limit, about alpha pass, and about alpha fail."""
    generator = np.random.default_rng(5)
    weights = np.concatenate(list(resampling_weights(300, resamples=399, seed=0)))
    tests = [
        PercentileTest(drops=tuple(weights @ items / 300)) for items in generator.normal(0.01, 0.1, size=(400, 300))
    ]

    passes = np.mean([test.p_at_least(0.01) <= 0.025 for test in tests])
    fails = np.mean([test.p_at_most(0.01) <= 0.025 for test in tests])

    assert max(passes, fails) <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 400)
