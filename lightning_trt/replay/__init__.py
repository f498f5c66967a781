"""The user's validation_step on a copy of the module, without touching the original."""

from __future__ import annotations

from lightning_trt.replay.copying import copy_of, metrics_of, place
from lightning_trt.replay.finding import subject_of_fit
from lightning_trt.replay.running import Replay, Step
from lightning_trt.replay.subject import Subject

__all__ = ["Replay", "Step", "Subject", "copy_of", "metrics_of", "place", "subject_of_fit"]
