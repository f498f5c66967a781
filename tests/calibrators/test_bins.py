"""The bins of the float-bit histogram."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_trt.calibrators.bins import FINITE_BINS, INF_BIN, bin_of, lower_edges, upper_edge

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(value=FLOATS)
def test_value_lies_between_the_edges_of_its_bin(value: float) -> None:
    """Lower edge <= magnitude < upper edge, for every finite float32."""
    index = int(bin_of(np.array([value], np.float32))[0])

    assert lower_edges()[index] <= abs(value) < upper_edge(index)


@given(value=FLOATS)
def test_sign_does_not_move_the_bin(value: float) -> None:
    """A value and its opposite share a bin."""
    both = bin_of(np.array([value, -value], np.float32))

    assert both[0] == both[1]


def test_lower_edge_of_each_bin_falls_into_it() -> None:
    """Edges and bins are inverse to each other."""
    edges = lower_edges()

    indices = bin_of(edges)

    assert indices.tolist() == list(range(FINITE_BINS))


def test_bins_of_normal_numbers_are_at_most_a_64th_wide() -> None:
    """The relative width bounds the error of whatever is read from the histogram."""
    edges = lower_edges()[64:].astype(np.float64)

    widths = np.diff(edges) / edges[:-1]

    assert widths.max() == 1 / 64


@pytest.mark.parametrize("value", [np.inf, -np.inf], ids=["inf", "minus-inf"])
def test_infinity_has_a_bin_of_its_own(value: float) -> None:
    """No finite value shares it."""
    index = bin_of(np.array([value], np.float32))

    assert index[0] == INF_BIN


def test_nan_lies_above_infinity() -> None:
    """Arithmetic's quiet NaN is told from infinity by its bin."""
    index = bin_of(np.array([np.nan], np.float32))

    assert index[0] > INF_BIN


def test_last_finite_bin_ends_at_infinity() -> None:
    """The greatest float32 has no finite upper edge."""
    edge = upper_edge(FINITE_BINS - 1)

    assert edge == np.inf
