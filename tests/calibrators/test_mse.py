"""The calibrator of least squared error, against integrals over the histogram and against the raw values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lightning_trt.calibrators import Mse
from lightning_trt.calibrators.bins import FINITE_BINS, bin_of, borders, magnitudes
from lightning_trt.calibrators.mse import least_squares

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lightning_trt.artifacts import Statistics

Activations = dict[str, "NDArray[np.float32]"]


def integrated_error(amax: float, ends: NDArray[np.float64], density: NDArray[np.float64]) -> float:
    """Squared error of quantization to `amax`, integrated over each piece between ends of bins and of levels."""
    step = amax / 127
    borders_of_levels = np.clip((np.arange(127) + 0.5) * step, ends[0], ends[-1])
    cuts = np.unique(np.concatenate([ends, borders_of_levels]))
    middle = (cuts[:-1] + cuts[1:]) / 2
    level = np.minimum(np.rint(middle / step), 127) * step
    pieces = ((cuts[1:] - level) ** 3 - (cuts[:-1] - level) ** 3) / 3
    return float((pieces * density[np.searchsorted(ends, middle) - 1]).sum())


def best_by_integration(counts: NDArray[np.int64], largest: float) -> float:
    """The end of a bin with the least error: all ends within five octaves, one after the other."""
    ends = np.unique(borders(largest))
    density = counts[: len(ends) - 1] / np.diff(ends)
    seen = ends >= largest * 2.0**-14  # what is smaller becomes zero at all of these
    ends, density = ends[seen], density[seen[:-1]]
    candidates = ends[ends >= largest / 32][::-1]
    return float(min(candidates, key=lambda amax: integrated_error(float(amax), ends, density)))


def raw_error(amax: float, values: NDArray[np.float64]) -> float:
    """Squared error of quantization of the values themselves."""
    step = amax / 127
    return float(((np.clip(np.rint(values / step), -127, 127) * step - values) ** 2).sum())


@pytest.mark.parametrize("kind", ["normal", "relu", "laplace", "lognormal", "uniform", "sparse"])
def test_finds_what_integration_finds(kind: str, activations: Activations) -> None:
    """The same amax as a straightforward search over the same histogram, so no candidate was left out that wins."""
    values = np.abs(activations[kind])
    counts, largest = np.bincount(bin_of(values).ravel(), minlength=FINITE_BINS), float(values.max())

    assert least_squares(counts, largest) == best_by_integration(counts, largest)


@pytest.mark.parametrize("kind", ["normal", "relu", "laplace", "lognormal", "uniform"])
def test_is_within_two_percent_of_the_best_for_the_raw_values(
    kind: str, activations: Activations, statistics_of: Callable[..., Statistics]
) -> None:
    """The bins, 1/64 wide at most, hide little."""
    values = activations[kind]
    grid = np.linspace(0.1, 1, 361) * float(np.abs(values).max())
    best = min(grid, key=lambda amax: raw_error(amax, values.astype(np.float64)))

    found = Mse().ranges(statistics_of(values)).tensors["x"]

    assert found.amax == pytest.approx(best, rel=0.02)


@pytest.mark.parametrize("kind", ["normal", "relu", "laplace", "lognormal", "uniform"])
def test_never_errs_more_than_the_whole_range(
    kind: str, activations: Activations, statistics_of: Callable[..., Statistics]
) -> None:
    """On the raw values clipping pays, or is not done; half a percent is what the bins may hide."""
    values = activations[kind].astype(np.float64)

    found = Mse().ranges(statistics_of(activations[kind])).tensors["x"]

    assert raw_error(float(found.amax), values) <= 1.005 * raw_error(float(np.abs(values).max()), values)


def test_keeps_one_huge_outlier(statistics_of: Callable[..., Statistics]) -> None:
    """As the squared error asks: the docstring sends whoever has such data to percentile."""
    values = np.ones((10, 2_000), np.float32)
    values[3, 5] = 1e30

    assert Mse().ranges(statistics_of(values)).tensors["x"].amax == pytest.approx(1e30)


def test_zeros_do_not_matter(activations: Activations, statistics_of: Callable[..., Statistics]) -> None:
    """They have no error at any scale."""
    values = activations["normal"]
    with_zeros = np.concatenate([values, np.zeros_like(values)], axis=1)

    found = Mse().ranges(statistics_of(with_zeros)).tensors["x"]

    assert found == Mse().ranges(statistics_of(values)).tensors["x"]


def test_counts_both_signs(activations: Activations, statistics_of: Callable[..., Statistics]) -> None:
    """Magnitudes decide, whatever their sign."""
    tensor = statistics_of(activations["laplace"]).tensors["x"]

    found = Mse().ranges(statistics_of(activations["laplace"])).tensors["x"]

    largest = float(np.abs(activations["laplace"]).max())
    assert found.amax == least_squares(magnitudes(tensor.positive, tensor.negative), largest)
