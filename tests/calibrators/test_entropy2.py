"""The second entropy calibrator: the first one's search, without a ReLU's zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lightning_trt.calibrators import Entropy2
from lightning_trt.calibrators.bins import FINITE_BINS, bin_of
from lightning_trt.calibrators.entropy import least_divergence, linear

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lightning_trt.artifacts import Statistics

Activations = dict[str, "NDArray[np.float32]"]


@pytest.mark.parametrize("kind", ["normal", "relu", "laplace", "lognormal"])
def test_takes_the_first_bin_for_the_second(
    kind: str, activations: Activations, statistics_of: Callable[..., Statistics]
) -> None:
    """As NVIDIA's own toolkits do."""
    values = np.abs(activations[kind])
    largest = float(values.max())
    filled, beyond = linear(np.bincount(bin_of(values).ravel(), minlength=FINITE_BINS), largest, span=largest)
    filled[0] = filled[1]

    found = Entropy2().ranges(statistics_of(activations[kind])).tensors["x"]

    assert found.amax == min(largest, least_divergence(filled, beyond, span=largest))


def test_zeros_do_not_matter(activations: Activations, statistics_of: Callable[..., Statistics]) -> None:
    """However many a ReLU leaves."""
    values = activations["normal"]
    with_zeros = np.concatenate([values, np.zeros_like(values)], axis=1)

    found = Entropy2().ranges(statistics_of(with_zeros)).tensors["x"]

    assert found == Entropy2().ranges(statistics_of(values)).tensors["x"]
