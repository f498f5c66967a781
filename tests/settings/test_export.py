"""What a user mistypes is answered in the user's own words."""

from __future__ import annotations

from typing import Any

import pytest

from lightning_trt.errors import SettingsError
from lightning_trt.settings import ExportSettings, LatencySettings, settings_of


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param({"precisions": ("FP32",)}, "'FP32' is not a precision. Did you mean 'fp32'?", id="capitals"),
        pytest.param({"precisions": 8}, "8 is not a precision. Did you mean 'fp8'?", id="a number of bits"),
        pytest.param({"on_error": "rasie"}, "'rasie' is not a choice of on_error. Did you mean 'raise'?", id="choice"),
        pytest.param({"gate": 0.01}, "gate is 0.01; it must be a GateSettings, or a mapping", id="bare limit"),
        pytest.param({"gate": 0}, "gate is 0; it must be a GateSettings, or a mapping", id="bare limit of nothing"),
        pytest.param({"gate": {"maxdrop": 1}}, "gate has no setting 'maxdrop'. Did you mean 'max_drop'?", id="nested"),
        pytest.param({"calibration": {"samples": 0}}, "calibration.samples is 0; it must be a whole", id="zero"),
        pytest.param({"calibration": {"samples": "x"}}, "calibration.samples is 'x'; it must be a whole", id="text"),
        pytest.param({"calibration": {"samples": 1.5}}, "calibration.samples is 1.5; it must be a whole", id="half"),
        pytest.param({"calibration": {"samples": None}}, "calibration.samples is None; it must", id="none"),
        pytest.param({"calibration": {"percentile": 0.9999}}, r"it must lie in \(50, 100\], e.g. 99.99", id="share"),
        pytest.param({"latency": {"seconds": "1"}}, "latency.seconds is '1'; it must be a number", id="seconds"),
        pytest.param({"latency": {"batch_sizes": ("a",)}}, "each must be a whole number above 0", id="batch size"),
    ],
)
def test_a_mistyped_setting_is_named_as_it_was_typed(given: dict[str, Any], sentence: str) -> None:
    """The sentence says the keyword, the value, and what would do."""
    with pytest.raises(SettingsError, match=sentence):
        settings_of(ExportSettings, given)


def test_one_batch_size_needs_no_tuple() -> None:
    """A number stands for a tuple of one."""
    latency = settings_of(LatencySettings, {"batch_sizes": 8})

    assert latency.batch_sizes == (8,)


def test_a_batch_size_that_none_stands_for_may_be_left_open() -> None:
    """None is taken where the setting says what it means."""
    settings = settings_of(ExportSettings, {"calibration": {"batch_size": None}})

    assert settings.calibration.batch_size is None
