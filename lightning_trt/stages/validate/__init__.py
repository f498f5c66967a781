"""Station *validate*: one pass over the validation data through the reference and every candidate."""

from __future__ import annotations

from lightning_trt.stages.validate.foresight import Foreseen, Foresight, foresee
from lightning_trt.stages.validate.memory import remembering
from lightning_trt.stages.validate.station import validate

__all__ = ["Foreseen", "Foresight", "foresee", "remembering", "validate"]
