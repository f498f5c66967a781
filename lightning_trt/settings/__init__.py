"""What the user may choose: frozen, keyword-only dataclasses that check themselves.

Only types that omegaconf knows too (enums, primitives, paths, tuples of them): the Hydra schema is made from these.
"""

from __future__ import annotations

from lightning_trt.settings.choices import (
    Beside,
    CalibratorName,
    HardwareCompatibility,
    NativeCalibrator,
    OnError,
    OnGateFail,
    OnInconclusive,
    QuantizedBy,
    ReportFormat,
    Require,
    Select,
    Split,
)
from lightning_trt.settings.export import (
    BuildSettings,
    CalibrationSettings,
    ExportSettings,
    GateSettings,
    LatencySettings,
    ValidationSettings,
)
from lightning_trt.settings.options import ExportOptions
from lightning_trt.settings.reading import member, members, plain, settings_of
from lightning_trt.settings.tensorrt import TensorRTSettings

__all__ = [
    "Beside",
    "BuildSettings",
    "CalibrationSettings",
    "CalibratorName",
    "ExportOptions",
    "ExportSettings",
    "GateSettings",
    "HardwareCompatibility",
    "LatencySettings",
    "NativeCalibrator",
    "OnError",
    "OnGateFail",
    "OnInconclusive",
    "QuantizedBy",
    "ReportFormat",
    "Require",
    "Select",
    "Split",
    "TensorRTSettings",
    "ValidationSettings",
    "member",
    "members",
    "plain",
    "settings_of",
]
