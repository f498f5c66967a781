"""Station *calibrate*: what one pass over samples sees of the tensors that will carry Q/DQ."""

from __future__ import annotations

from lightning_trt.stages.calibrate.station import calibrate

__all__ = ["calibrate"]
