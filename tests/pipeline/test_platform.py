"""The device that engines are for: what it lacks is refused before anything is built."""

from __future__ import annotations

import pytest

from lightning_trt.errors import SettingsError, UnsupportedPrecisionError
from lightning_trt.pipeline import planned
from lightning_trt.settings import BuildSettings, ExportSettings


def settings(*precisions: str, platform: str) -> ExportSettings:
    """An export by ONNX Runtime, for another device."""
    return ExportSettings(precisions=precisions, backend="onnxruntime", build=BuildSettings(platform=platform))


@pytest.mark.parametrize("platform", ["Jetson TX2", "6.2"])
def test_int8_for_a_tx2_is_refused_with_its_row(platform: str) -> None:
    """By its name, or by its compute capability; what can be had is said."""
    row = "Jetson TX2, compute capability 6.2: fp32, fp16; last TensorRT 8.2.1"

    with pytest.raises(UnsupportedPrecisionError, match=f"int8 cannot be had on {platform}: {row}") as refused:
        planned(settings("fp16", "int8", platform=platform))

    assert str(refused.value).endswith(f"The backend onnxruntime gives for {platform}: fp32, fp16.")


def test_what_the_platform_has_is_planned() -> None:
    """int8 on a Xavier NX."""
    plan = planned(settings("int8", platform="Jetson Xavier NX"))

    assert [each.name for each in plan.candidates] == ["int8-mse"]


def test_an_unknown_platform_is_refused() -> None:
    """Whatever the precision; the sentence names the nearest."""
    with pytest.raises(SettingsError, match="Did you mean 'Jetson TX2'"):
        planned(settings("fp32", platform="Jetson TX3"))
