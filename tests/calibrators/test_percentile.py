"""The percentile calibrator against numpy's percentile of the raw values."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lightning_trt.calibrators import Percentile
from lightning_trt.calibrators.bins import FINITE_BINS, bin_of
from lightning_trt.calibrators.percentile import percentile_of
from lightning_trt.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lightning_trt.artifacts import Statistics

NORMAL = st.floats(2.0**-100, 2.0**100, width=32)


def exact(values: NDArray[np.float32], percentile: float) -> float:
    """The least value that `percentile` percent of `values` do not exceed."""
    return float(np.percentile(values, percentile, method="inverted_cdf"))


@given(values=arrays(np.float32, st.integers(1, 200), elements=NORMAL), percentile=st.sampled_from([50.5, 90, 99.9]))
def test_reaches_the_raw_percentile_and_at_most_a_64th_beyond(values: NDArray[np.float32], percentile: float) -> None:
    """Never narrower than asked, never wider than the percentile's own bin."""
    counts = np.bincount(bin_of(values), minlength=FINITE_BINS)

    reached = percentile_of(counts, percentile)

    assert exact(values, percentile) < reached <= exact(values, percentile) * (1 + 1 / 64)


@pytest.mark.parametrize("percentile", [99.0, 99.9, 99.99, 99.999])
@pytest.mark.parametrize("kind", ["normal", "laplace", "relu"])
def test_is_close_on_activations(kind: str, percentile: float, statistics_of: Callable[..., Statistics]) -> None:
    """On smooth data the range is at most 1.6 % wider than numpy's percentile, never narrower."""
    generator = np.random.default_rng(7)
    values = (generator.laplace if kind == "laplace" else generator.normal)(size=(8, 50_000)).astype(np.float32)
    values = np.maximum(values, 0) if kind == "relu" else values

    amax = Percentile(percentile=percentile).ranges(statistics_of(values)).tensors["x"].amax

    assert 1 <= amax / np.percentile(np.abs(values), percentile) <= 1.016


def test_clips_one_huge_outlier(statistics_of: Callable[..., Statistics]) -> None:
    """What min-max would spend its levels on is left out."""
    values = np.full((10, 2_000), 1.0, np.float32)
    values[3, 5] = 1e30

    found = Percentile(percentile=99.99).ranges(statistics_of(values)).tensors["x"]

    assert found.amax == 1.015625


def test_never_exceeds_what_was_seen(statistics_of: Callable[..., Statistics]) -> None:
    """The end of the last bin lies beyond the greatest value; the range does not."""
    values = np.array([[0.3, -1.001]], np.float32)

    found = Percentile(percentile=100).ranges(statistics_of(values)).tensors["x"]

    assert (found.low, found.high) == (pytest.approx(-1.001), pytest.approx(0.3))


@pytest.mark.parametrize("constant", [0.0, 3.0, -3.0, 1e-42, 3.4e38], ids=str)
def test_range_of_a_constant_is_the_constant(constant: float, statistics_of: Callable[..., Statistics]) -> None:
    """All zeros, constants, denormals and the greatest floats: a finite range that ends at the constant."""
    values = np.full((4, 100), constant, np.float32)

    found = Percentile().ranges(statistics_of(values)).tensors["x"]

    assert found.amax == abs(np.float32(constant))


def test_range_of_positive_values_starts_at_their_least(statistics_of: Callable[..., Statistics]) -> None:
    """Whether values can be negative is kept for backends that have unsigned activations."""
    values = np.linspace(0, 1, 1000, dtype=np.float32).reshape(10, 100)

    found = Percentile(percentile=99).ranges(statistics_of(values)).tensors["x"]

    assert found.low == 0.0


@given(percentile=st.floats(51, 100), smaller=st.floats(0.1, 1))
@settings(max_examples=30)
def test_range_grows_with_the_percentile(percentile: float, smaller: float) -> None:
    """Keeping more values never narrows the range."""
    counts = np.bincount(bin_of(np.arange(1, 500, dtype=np.float32)), minlength=FINITE_BINS)

    assert percentile_of(counts, 50 + (percentile - 50) * smaller) <= percentile_of(counts, percentile)


def test_decimal_percentile_counts_exactly() -> None:
    """99.99 % of 10,000 values are 9,999, though 99.99 has no exact float."""
    counts = np.bincount(bin_of(np.array([1.0] * 9_999 + [2.0], np.float32)), minlength=FINITE_BINS)

    assert percentile_of(counts, 99.99) == 1.015625


def test_nothing_counted_gives_zero() -> None:
    """A tensor without elements has a range without width."""
    assert percentile_of(np.zeros(FINITE_BINS, np.int64), 99.99) == 0.0


def test_statistics_without_histograms_are_refused(statistics_of: Callable[..., Statistics]) -> None:
    """The error names the tensor and what to do."""
    full = statistics_of(np.ones((2, 3), np.float32))
    bare = dataclasses.replace(full.tensors["x"], positive=None, negative=None)

    with pytest.raises(SettingsError, match=r"'x'.*histograms.*Calibrate again"):
        Percentile().ranges(dataclasses.replace(full, tensors={"x": bare}))
