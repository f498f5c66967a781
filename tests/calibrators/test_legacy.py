"""The legacy calibrator: a quantile and a cutoff, whichever is less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.calibrators import Legacy, Percentile, find
from lightning_trt.settings import CalibrationSettings, CalibratorName

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_trt.artifacts import Statistics

VALUES = np.linspace(0, 8, 10_000, dtype=np.float32).reshape(10, 1_000)


def test_without_a_cutoff_is_a_percentile(statistics_of: Callable[..., Statistics]) -> None:
    """`quantile=0.99` counts exactly as `percentile=99` does."""
    statistics = statistics_of(VALUES)

    found = Legacy(quantile=0.99, cutoff=1).ranges(statistics)

    assert found == Percentile(percentile=99).ranges(statistics)


def test_cutoff_is_a_share_of_the_maximum(statistics_of: Callable[..., Statistics]) -> None:
    """Half of the largest magnitude, however many values lie beyond."""
    found = Legacy(quantile=1, cutoff=0.5).ranges(statistics_of(-VALUES)).tensors["x"]

    assert (found.low, found.high) == (-4.0, 0.0)


def test_quantile_counts_in_the_decimal_that_was_written(statistics_of: Callable[..., Statistics]) -> None:
    """The share 0.9999 of 10,000 values is 9,999, though 0.9999 has no exact float."""
    values = np.ones(10_000, np.float32)
    values[7] = 2.0

    found = Legacy(quantile=0.9999).ranges(statistics_of(values.reshape(10, -1))).tensors["x"]

    assert found.amax == 1.015625


def test_is_found_with_its_settings() -> None:
    """Both numbers come from `calibration`."""
    settings = CalibrationSettings(quantile=0.999, cutoff=0.6)

    assert find(CalibratorName.legacy, settings) == Legacy(quantile=0.999, cutoff=0.6)
