"""Fits that end with an export, as quick as an export can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_trt import TRTExportCallback
from zoo.trainers import fitted

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt import Report

__all__ = ["exported", "quick"]


def quick(**options: Any) -> dict[str, Any]:
    """Settings of an export that takes little time and whose gate lets everything through, but for `options`."""
    return {
        "precisions": ("fp32",),
        "calibrators": ("minmax",),
        "calibration": {"samples": 16},
        "latency": {"batch_sizes": (1,), "warmup_seconds": 0.01, "seconds": 0.01},
        "gate": {"metric": "val/acc", "max_drop": 0.9},
        **options,
    }


def exported(
    module: Any, data: Any, root: Path, *, settings: dict[str, Any] | None = None, callbacks: Any = (), **options: Any
) -> tuple[Any, Report]:
    """The Trainer that fitted `module`, and the report of the export; `options` are those of `quiet_trainer`."""
    ours = TRTExportCallback(**quick(**{"dirpath": root / "trt", **(settings or {})}))
    trainer = fitted(module, data, root, callbacks=[*callbacks, ours], **options)
    assert ours.report is not None
    return trainer, ours.report
