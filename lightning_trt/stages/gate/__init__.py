"""Station *gate*: limits on drops become verdicts; a pure function of finished reports."""

from __future__ import annotations

from lightning_trt.stages.gate.since import since
from lightning_trt.stages.gate.station import gate

__all__ = ["gate", "since"]
