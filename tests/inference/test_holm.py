"""Holm's laws, and the error rate that it is for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_trt.inference import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_gives_the_textbook_values() -> None:
    """Four claims, adjusted by hand: 4 x 0.005, 3 x 0.01, 2 x 0.03, and the last not below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_nothing_stays_nothing() -> None:
    """No claim, no correction."""
    assert holm([]) == ()


def test_one_claim_is_not_corrected() -> None:
    """Alone it keeps its p-value."""
    assert holm([0.02]) == (0.02,)


@given(p_values=P_VALUES)
def test_lies_between_uncorrected_and_bonferroni(p_values: list[float]) -> None:
    """Never kinder than no correction, never harder than the simplest one."""
    adjusted = holm(p_values)

    assert all(p <= q <= min(1.0, len(p_values) * p) for p, q in zip(p_values, adjusted, strict=True))


@given(p_values=P_VALUES)
def test_keeps_the_order(p_values: list[float]) -> None:
    """A smaller p-value has no larger adjusted one."""
    pairs = sorted(zip(p_values, holm(p_values), strict=True))

    assert all(first[1] <= second[1] for first, second in pairwise(pairs))


@given(p_values=P_VALUES, data=st.data())
def test_order_of_claims_does_not_matter(p_values: list[float], data: st.DataObject) -> None:
    """A permutation of the claims permutes the results."""
    order = data.draw(st.permutations(range(len(p_values))))

    assert holm([p_values[place] for place in order]) == tuple(holm(p_values)[place] for place in order)


@given(p_values=P_VALUES, data=st.data())
def test_smaller_p_value_never_raises_another(p_values: list[float], data: st.DataObject) -> None:
    """More evidence for one claim takes nothing from the others."""
    place = data.draw(st.integers(0, len(p_values) - 1))
    smaller = [*p_values[:place], p_values[place] / 2, *p_values[place + 1 :]]

    assert all(new <= old for new, old in zip(holm(smaller), holm(p_values), strict=True))


def test_any_false_claim_is_as_rare_as_alpha() -> None:
    """Of 4,000 families of five claims that all are false, at most 5 % make one, give or take three errors."""
    families = np.random.default_rng(0).uniform(size=(4000, 5))

    rate = np.mean([min(holm(list(family))) <= 0.05 for family in families])

    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)
