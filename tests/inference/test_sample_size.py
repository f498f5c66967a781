"""How much more data would decide."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_trt.inference import ScoreTest, growth_to_decide


def test_lies_around_the_textbook_number() -> None:
    """5 % changed, no drop, limit 0.01 at 0.05 one-sided: 3,089 items for power 0.8 (Miettinen 1968), from 1,000."""
    error = math.sqrt(0.05 / 1000)

    least, most = growth_to_decide(0.0, error=error, limit=0.01, alpha=0.05)

    assert most is not None
    assert 1000 * least < 3089 < 1000 * most


def test_drop_at_the_limit_is_never_decided() -> None:
    """There is no upper number where the true drop may lie on the limit."""
    assert growth_to_decide(0.01, error=0.001, limit=0.01, alpha=0.025)[1] is None


def test_no_known_spread_promises_nothing() -> None:
    """An error of zero says nothing of how much more is needed."""
    assert growth_to_decide(0.01, error=0.0, limit=0.01, alpha=0.025) == (1.0, None)


@given(drop=st.floats(-0.1, 0.1), error=st.floats(1e-4, 0.1), limit=st.floats(0, 0.1))
def test_range_is_ordered(drop: float, error: float, limit: float) -> None:
    """From is not above to."""
    least, most = growth_to_decide(drop, error=error, limit=limit, alpha=0.025)

    assert most is None or least <= most


@given(drop=st.floats(-0.1, 0.1), error=st.floats(1e-4, 0.1), limit=st.floats(0, 0.1))
def test_both_sides_of_the_limit_need_the_same(drop: float, error: float, limit: float) -> None:
    """To pass by a distance takes as much as to fail by it."""
    mirrored, _ = growth_to_decide(2 * limit - drop, error=error, limit=limit, alpha=0.025)

    assert mirrored == pytest.approx(growth_to_decide(drop, error=error, limit=limit, alpha=0.025)[0], rel=1e-6)


def test_that_much_data_decides_as_often_as_promised() -> None:
    """With the number for the known drop, 80 % of 1,000 repetitions pass, give or take four standard errors."""
    changed, alpha, limit = 0.05, 0.025, 0.01
    # Of so many pilot items that the error of the drop is nothing beside the limit, both numbers are the same.
    pilot = 10**8
    n = round(pilot * growth_to_decide(0.0, error=math.sqrt(changed / pilot), limit=limit, alpha=alpha)[0])
    counts = np.random.default_rng(0).multinomial(n, [changed / 2, changed / 2, 1 - changed], size=1000)

    passed = np.mean([ScoreTest(n=n, worse=w, better=b).p_at_least(limit) <= alpha for w, b, _ in counts.tolist()])

    assert passed == pytest.approx(0.8, abs=4 * math.sqrt(0.8 * 0.2 / 1000))
