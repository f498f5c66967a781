"""The min-max calibrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lightning_trt.calibrators import MinMax, find
from lightning_trt.settings import CalibrationSettings, CalibratorName

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lightning_trt.artifacts import Statistics


@given(values=arrays(np.float32, (3, 5), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_range_ends_at_the_extremes(values: NDArray[np.float32], statistics_of: Callable[..., Statistics]) -> None:
    """Exactly the least and the greatest value."""
    found = MinMax().ranges(statistics_of(values)).tensors["x"]

    assert (found.low, found.high) == (values.min(), values.max())


def test_is_found_by_name() -> None:
    """The setting's word leads to it."""
    assert find(CalibratorName.minmax, CalibrationSettings()) == MinMax()


def test_needs_no_histograms() -> None:
    """So a pass for it alone can leave them out."""
    assert not MinMax().needs_histograms
