"""Statistics of plain arrays, counted the slow way: by numpy, value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lightning_trt.artifacts import Statistics, TensorStatistics
from lightning_trt.calibrators.bins import NUM_BINS, bin_of
from lightning_trt.calibrators.statistics import finite_extremes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@pytest.fixture
def tensor_of() -> Callable[..., TensorStatistics]:
    """Statistics of one tensor, from an array of shape `(samples, ...)`."""
    return _tensor_of


@pytest.fixture
def statistics_of() -> Callable[..., Statistics]:
    """Statistics of one tensor called `x`, from an array of shape `(samples, ...)`."""

    def statistics(values: NDArray[np.float32], *, indices: tuple[int, ...] | None = None) -> Statistics:
        return Statistics(
            tensors={"x": _tensor_of(values)},
            indices=tuple(range(len(values))) if indices is None else indices,
            fingerprints=np.array(range(len(values)) if indices is None else indices, np.uint64),
            graph="graph",
            block_size=8,
        )

    return statistics


@pytest.fixture(scope="session")
def activations() -> dict[str, NDArray[np.float32]]:
    """Values of shape `(8, 10000)` as layers give them, by the name of their distribution."""
    generator = np.random.default_rng(7)
    shape = (8, 10_000)
    normal = generator.normal(size=shape)
    kinds = {
        "normal": normal,
        "relu": np.maximum(normal, 0),
        "laplace": generator.laplace(size=shape),
        "lognormal": generator.lognormal(size=shape),
        "uniform": generator.uniform(-1, 1, size=shape),
        "sparse": generator.choice([0.0, 0.0, 0.25, 1.0, 3.7], size=shape),
    }
    return {kind: values.astype(np.float32) for kind, values in kinds.items()}


def _tensor_of(values: NDArray[np.float32]) -> TensorStatistics:
    rows = np.asarray(values, np.float32).reshape(len(values), -1)
    sign = np.signbit(rows)
    lows, highs = rows.min(axis=1), rows.max(axis=1)
    low, high = finite_extremes(lows, highs)
    return TensorStatistics(
        count=rows.size,
        nans=int(np.isnan(rows).sum()),
        infs=int(np.isinf(rows).sum()),
        low=low,
        high=high,
        sample_lows=lows,
        sample_highs=highs,
        positive=np.bincount(bin_of(rows[~sign]), minlength=NUM_BINS),
        negative=np.bincount(bin_of(rows[sign]), minlength=NUM_BINS),
    )
