"""The entropy calibrators, against scipy's relative entropy, one candidate at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.stats

from lightning_trt.calibrators import Entropy
from lightning_trt.calibrators.bins import FINITE_BINS, bin_of
from lightning_trt.calibrators.entropy import NUM_LINEAR, divergences, linear, span_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lightning_trt.artifacts import Statistics

Activations = dict[str, "NDArray[np.float32]"]

KINDS = ["normal", "relu", "laplace", "lognormal", "uniform", "sparse"]


def divergence(filled: NDArray[np.float64], beyond: float, kept: int) -> float:
    """Relative entropy of the clipped distribution to the merged one, both written out."""
    clipped = filled[:kept].copy()
    clipped[-1] += filled[kept:].sum() + beyond
    ends = [-(-level * kept // 128) for level in range(129)]
    occupied = filled[:kept] > 0
    sums = np.add.reduceat(filled[:kept], ends[:-1])
    numbers = np.add.reduceat(occupied.astype(float), ends[:-1])
    merged = np.where(occupied, np.repeat(sums / np.maximum(numbers, 1), np.diff(ends)), 0)
    return float(scipy.stats.entropy(clipped, merged))


def counted(values: NDArray[np.float32]) -> tuple[NDArray[np.int64], float]:
    """Counts by magnitude, and the largest one."""
    return np.bincount(bin_of(values).ravel(), minlength=FINITE_BINS), float(np.abs(values).max())


@pytest.mark.parametrize("kind", KINDS)
def test_divergences_are_scipys(kind: str, activations: Activations) -> None:
    """For each of the 1,921 candidates, the infinite ones among them."""
    counts, largest = counted(activations[kind])
    filled, beyond = linear(counts, largest, span=span_of(counts, largest))

    expected = [divergence(filled, beyond, kept) for kept in range(128, NUM_LINEAR + 1)]

    np.testing.assert_allclose(divergences(filled, beyond), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["relu", "lognormal", "sparse"])
def test_amax_is_the_end_of_the_best_candidate(
    kind: str, activations: Activations, statistics_of: Callable[..., Statistics]
) -> None:
    """Half a bin behind the last one that is kept, never beyond what was seen."""
    counts, largest = counted(activations[kind][activations[kind] != 0])
    filled, beyond = linear(counts, largest, span=largest)
    best = min(range(NUM_LINEAR, 127, -1), key=lambda kept: divergence(filled, beyond, kept))

    found = Entropy().ranges(statistics_of(activations[kind])).tensors["x"]

    assert found.amax == pytest.approx(min(largest, (best + 0.5) * largest / NUM_LINEAR))


@pytest.mark.parametrize("kind", ["normal", "relu", "laplace", "lognormal", "uniform"])
def test_raw_values_diverge_little_more_than_at_their_own_best(
    kind: str, activations: Activations, statistics_of: Callable[..., Statistics]
) -> None:
    """The minimum is flat, so not amax is compared: 0.001 nats, or 5 % of the least, within a 64th of our amax.

    Where the raw values leave no candidate there, at the nearest.
    """
    values = np.abs(activations[kind])
    raw = divergences(np.histogram(values[values > 0], NUM_LINEAR, range=(0, values.max()))[0].astype(float), 0.0)

    amax = float(Entropy().ranges(statistics_of(activations[kind])).tensors["x"].amax)

    kept = int(amax / values.max() * NUM_LINEAR)
    near = raw[int(kept * (1 - 1 / 64)) - 128 : kept + 1 - 128]
    candidates = np.flatnonzero(np.isfinite(raw))
    nearest = raw[candidates[np.abs(candidates + 128 - kept).argmin()]]
    assert min(near.min(), nearest) <= max(1.05 * raw.min(), raw.min() + 1e-3)


def test_zeros_do_not_matter(activations: Activations, statistics_of: Callable[..., Statistics]) -> None:
    """However many a ReLU leaves."""
    values = activations["normal"]
    with_zeros = np.concatenate([values, np.zeros_like(values)], axis=1)

    found = Entropy().ranges(statistics_of(with_zeros)).tensors["x"]

    assert found == Entropy().ranges(statistics_of(values)).tensors["x"]


def test_linear_bins_hold_every_value(activations: Activations) -> None:
    """None is lost and none counted twice."""
    counts, largest = counted(activations["laplace"])

    filled, beyond = linear(counts, largest, span=largest / 3)

    assert filled.sum() + beyond == pytest.approx(counts.sum())


def test_linear_bins_are_those_of_the_raw_values_where_those_are_wide(activations: Activations) -> None:
    """Up to a 64th of the span a float-bit bin is narrower than a linear one; sums of both agree to a bin's edge."""
    counts, largest = counted(activations["uniform"])

    filled, _ = linear(counts, largest, span=largest)

    raw, _ = np.histogram(np.abs(activations["uniform"]), NUM_LINEAR, range=(0, largest))
    assert np.abs(np.cumsum(filled) - np.cumsum(raw)).max() <= 0.002 * counts.sum()


def test_span_is_the_maximum_of_ordinary_values(activations: Activations) -> None:
    """So the search is TensorRT's own."""
    counts, largest = counted(activations["lognormal"])

    assert span_of(counts, largest) == largest


def test_zeros_do_not_shorten_the_span() -> None:
    """One live value among a million dead ones is no outlier."""
    values = np.zeros(1_000_000, np.float32)
    values[5] = 2.0

    assert span_of(*counted(values)) == 2.0
