"""Settings of calibration check themselves."""

from __future__ import annotations

import pytest

from lightning_trt.errors import SettingsError
from lightning_trt.settings import CalibrationSettings


@pytest.mark.parametrize("quantile", [0.5, 1.01, 99.9, float("nan")])
def test_quantile_is_a_share(quantile: float) -> None:
    """Not percent, and never below the median."""
    with pytest.raises(SettingsError, match=r"calibration\.quantile is .* must lie in \(0\.5, 1\]"):
        CalibrationSettings(quantile=quantile)


@pytest.mark.parametrize("cutoff", [0.0, 1.5, float("nan")])
def test_cutoff_is_a_share(cutoff: float) -> None:
    """Of nothing is no range, of more than all there is none."""
    with pytest.raises(SettingsError, match=r"calibration\.cutoff is .* must lie in \(0, 1\]"):
        CalibrationSettings(cutoff=cutoff)
