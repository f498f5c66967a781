"""Station *calibrate*: what one pass over samples sees of the tensors that will carry Q/DQ."""

from __future__ import annotations

from lightning_trt.stages.calibrate.blocks import shards
from lightning_trt.stages.calibrate.fingerprint import fingerprint_of
from lightning_trt.stages.calibrate.runner import Runner
from lightning_trt.stages.calibrate.station import calibrate, observe, recall

__all__ = ["Runner", "calibrate", "fingerprint_of", "observe", "recall", "shards"]
