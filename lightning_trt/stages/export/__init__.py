"""Station *export*: a module becomes ONNX, and the ONNX is checked against the module."""

from __future__ import annotations

from lightning_trt.stages.export.station import export

__all__ = ["export"]
