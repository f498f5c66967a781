"""Ranges that keep next to nothing are named."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lightning_trt.calibrators import find, misfits
from lightning_trt.settings import CalibrationSettings, CalibratorName

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lightning_trt.artifacts import Statistics


def named(calibrator: str, statistics: Statistics) -> tuple[str, ...]:
    """What is said of the ranges that the calibrator reads."""
    ranges = find(CalibratorName(calibrator), CalibrationSettings()).ranges(statistics)
    return tuple(each.name for each in misfits(statistics, ranges))


@pytest.mark.parametrize("calibrator", ["minmax", "mse"])
def test_outlier_that_sets_the_range_is_named(calibrator: str, statistics_of: Callable[..., Statistics]) -> None:
    """Everything but the outlier would become zero."""
    values = np.random.default_rng(0).normal(size=(10, 2_000)).astype(np.float32)
    values[3, 5] = 1e30

    assert named(calibrator, statistics_of(values)) == ("x",)


def test_percentile_of_zeros_is_named(statistics_of: Callable[..., Statistics]) -> None:
    """Where fewer values are live than the percentile leaves out, all of those are clipped."""
    values = np.zeros((10, 100_000), np.float32)
    values[:, :5] = 2.0

    assert named("percentile", statistics_of(values)) == ("x",)


@pytest.mark.parametrize("kind", ["normal", "relu", "laplace", "uniform"])
@pytest.mark.parametrize("calibrator", ["minmax", "percentile", "mse", "entropy2", "legacy", "mean_minmax"])
def test_ordinary_ranges_are_not_named(
    calibrator: str,
    kind: str,
    activations: dict[str, NDArray[np.float32]],
    statistics_of: Callable[..., Statistics],
) -> None:
    """No warning where there is nothing to say."""
    assert named(calibrator, statistics_of(activations[kind])) == ()


def test_entropy_of_a_few_numbers_is_named(
    activations: dict[str, NDArray[np.float32]], statistics_of: Callable[..., Statistics]
) -> None:
    """Its search wants a density: of 0.25, 1.0 and 3.7 alone it clips the greater two."""
    assert named("entropy2", statistics_of(activations["sparse"])) == ("x",)


def test_dead_tensor_is_not_named(statistics_of: Callable[..., Statistics]) -> None:
    """Zeros stay zeros."""
    assert named("minmax", statistics_of(np.zeros((2, 9), np.float32))) == ()


def test_statistics_without_histograms_name_nothing(statistics_of: Callable[..., Statistics]) -> None:
    """Extremes alone cannot tell."""
    full = statistics_of(np.array([[1.0, 1e30]], np.float32))
    bare = dataclasses.replace(
        full, tensors={"x": dataclasses.replace(full.tensors["x"], positive=None, negative=None)}
    )

    assert named("minmax", bare) == ()
