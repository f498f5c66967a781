"""Where calibration runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lightning_trt.errors import SettingsError

if TYPE_CHECKING:
    from lightning_trt.replay import Subject

__all__ = ["calibration_device", "check_device"]


def check_device(asked: str) -> None:
    """Nothing, where a device of that name is here.

    Raises:
        SettingsError: There is none.

    Example:
        >>> from lightning_trt.pipeline.devices import check_device
        >>> check_device("cpu")
    """
    if not asked.startswith("cuda"):
        return
    number, there = torch.device(asked).index or 0, torch.cuda.device_count()
    if number >= there:
        raise SettingsError(
            f"calibration.device is {asked!r}, and torch sees {there} CUDA device(s) here. Use auto, or cpu."
        )


def calibration_device(asked: str, subject: Subject) -> torch.device | None:
    """The device on which torch calibrates; None where onnxruntime does, on the processor."""
    device = subject.trainer.strategy.root_device if asked == "auto" else torch.device(asked)
    return device if device.type == "cuda" else None
