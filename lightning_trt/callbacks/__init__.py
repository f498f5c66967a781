"""Lightning's hooks to one call of the pipeline."""

from __future__ import annotations

from lightning_trt.callbacks.trt_export import TRTExportCallback

__all__ = ["TRTExportCallback"]
