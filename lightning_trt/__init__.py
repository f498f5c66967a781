"""lightning-trt: TensorRT engines of your best checkpoint, with a measured accuracy drop and a gate.

The front door: public names only, each imported when it is first asked for (PEP 562), so that rooms without torch
open without torch.

Example:
    >>> import lightning_trt
    >>> "TRTExportCallback" in dir(lightning_trt)
    True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_trt.artifacts import Report
    from lightning_trt.callbacks import TRTExportCallback
    from lightning_trt.loading import load, rebuild
    from lightning_trt.pipeline import export, export_checkpoint
    from lightning_trt.precision import Precision
    from lightning_trt.runtime import TRTModule
    from lightning_trt.settings import ExportSettings, GateSettings

__all__ = [
    "ExportSettings",
    "GateSettings",
    "Precision",
    "Report",
    "TRTExportCallback",
    "TRTModule",
    "export",
    "export_checkpoint",
    "load",
    "rebuild",
]

__version__ = "0.1.0"

_HOMES = {
    "ExportSettings": "lightning_trt.settings",
    "GateSettings": "lightning_trt.settings",
    "Precision": "lightning_trt.precision",
    "Report": "lightning_trt.artifacts",
    "TRTExportCallback": "lightning_trt.callbacks",
    "TRTModule": "lightning_trt.runtime",
    "export": "lightning_trt.pipeline",
    "export_checkpoint": "lightning_trt.pipeline",
    "load": "lightning_trt.loading",
    "rebuild": "lightning_trt.loading",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
