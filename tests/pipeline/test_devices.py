"""Where calibration runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lightning_trt.errors import SettingsError
from lightning_trt.pipeline.devices import calibration_device, check_device
from lightning_trt.settings import CalibrationSettings


def on(device: str) -> Any:
    """A subject that lies on that device."""
    strategy = SimpleNamespace(root_device=torch.device(device))
    return SimpleNamespace(trainer=SimpleNamespace(strategy=strategy))


@pytest.mark.parametrize(
    ("asked", "lies_on", "expected"),
    [("auto", "cpu", None), ("auto", "cuda:1", "cuda:1"), ("cpu", "cuda:1", None), ("cuda:0", "cpu", "cuda:0")],
)
def test_torch_calibrates_on_a_gpu_alone(asked: str, lies_on: str, expected: str | None) -> None:
    """On the module's own, unless another place is named."""
    found = calibration_device(asked, on(lies_on))

    assert found == (None if expected is None else torch.device(expected))


def test_a_device_that_is_not_here_is_refused() -> None:
    """Before any work."""
    with pytest.raises(SettingsError, match=r"cuda:99.*Use auto, or cpu"):
        check_device("cuda:99")


def test_a_word_that_is_no_device_is_refused() -> None:
    """With what may be said."""
    with pytest.raises(SettingsError, match=r"'gpu'; it must be auto, cpu, cuda"):
        CalibrationSettings(device="gpu")
