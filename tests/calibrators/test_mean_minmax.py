"""The mean of the samples' extremes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lightning_trt.calibrators import MeanMinMax

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_trt.artifacts import Statistics


def test_amax_is_the_mean_of_each_samples_largest(statistics_of: Callable[..., Statistics]) -> None:
    """Of magnitudes, whichever sign a sample's largest has."""
    values = np.array([[-3.0, 1.0], [0.5, 1.0], [0.0, 2.0]], np.float32)

    found = MeanMinMax().ranges(statistics_of(values)).tensors["x"]

    assert (found.low, found.high) == (-2.0, 2.0)


def test_is_numpys_mean(statistics_of: Callable[..., Statistics]) -> None:
    """In double precision."""
    values = np.random.default_rng(0).normal(size=(512, 40)).astype(np.float32)

    found = MeanMinMax().ranges(statistics_of(values)).tensors["x"]

    assert found.amax == pytest.approx(np.abs(values).max(axis=1).mean(dtype=np.float64), rel=1e-15)


def test_leaves_out_samples_that_are_not_finite(statistics_of: Callable[..., Statistics]) -> None:
    """They count neither in the sum nor in the number."""
    values = np.array([[1.0, 2.0], [np.inf, 0.0], [np.nan, 9.0], [3.0, 4.0]], np.float32)

    assert MeanMinMax().ranges(statistics_of(values)).tensors["x"].amax == 3.0


def test_greatest_floats_do_not_overflow(statistics_of: Callable[..., Statistics]) -> None:
    """Their sum is beyond float32, their mean is not."""
    values = np.full((9, 2), np.finfo(np.float32).max)

    assert MeanMinMax().ranges(statistics_of(values)).tensors["x"].amax == float(np.finfo(np.float32).max)


def test_needs_no_histograms() -> None:
    """So a pass for it alone can leave them out."""
    assert not MeanMinMax().needs_histograms
