"""Lightning's hooks to one call of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.callbacks import trt_export
from lightning_trt.callbacks.packages import adopted

if TYPE_CHECKING:
    from lightning_trt.callbacks.trt_export import TRTExportCallback

__all__ = ["TRTExportCallback"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Anew each time it is asked for: LightningCLI asks whether it is a subclass of a Callback of its own package, which
    # may have been imported since.
    return adopted(trt_export.TRTExportCallback)
