"""The keywords of `export`, as loosely typed as a user writes them; `ExportSettings` is what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lightning_trt.precision import Precision
    from lightning_trt.settings.choices import CalibratorName, OnError, OnGateFail, ReportFormat
    from lightning_trt.settings.export import (
        BuildSettings,
        CalibrationSettings,
        GateSettings,
        LatencySettings,
        ValidationSettings,
    )

__all__ = ["ExportOptions"]


class ExportOptions(TypedDict, total=False):
    """The fields of `ExportSettings`: names for enums, mappings for nested settings."""

    precisions: Sequence[Precision | str] | Mapping[str, bool] | None
    calibrators: Sequence[CalibratorName | str] | Mapping[str, bool] | None
    backend: str
    boundary: str | Sequence[str]
    monitor: str | None
    dirpath: str | Path | None
    gate: GateSettings | Mapping[str, Any] | None
    calibration: CalibrationSettings | Mapping[str, Any]
    validation: ValidationSettings | Mapping[str, Any]
    latency: LatencySettings | Mapping[str, Any]
    build: BuildSettings | Mapping[str, Any]
    formats: Sequence[ReportFormat | str]
    on_error: OnError | str
    on_gate_fail: OnGateFail | str
