"""The user's validation_step on a copy of the module, without touching the original."""

from __future__ import annotations

from lightning_trt.replay.capturing import Captured, captured
from lightning_trt.replay.checkpoints import read as read_checkpoint
from lightning_trt.replay.checkpoints import states_of
from lightning_trt.replay.copying import copy_of, metrics_of, place
from lightning_trt.replay.finding import subject_of_fit, subject_of_module
from lightning_trt.replay.items import Step, resized
from lightning_trt.replay.parts import num_batches, only_batches
from lightning_trt.replay.random_state import RandomState, random_state_kept
from lightning_trt.replay.recording import Condensed, Logged, Recorder, Source, Update
from lightning_trt.replay.running import Replay
from lightning_trt.replay.scoring import Predict, Scoring
from lightning_trt.replay.splits import loaders_of_split, without_samples
from lightning_trt.replay.stepping import first_batches, stepped
from lightning_trt.replay.subject import Subject
from lightning_trt.replay.watching import Call, watch

__all__ = [
    "Call",
    "Captured",
    "Condensed",
    "Logged",
    "Predict",
    "RandomState",
    "Recorder",
    "Replay",
    "Scoring",
    "Source",
    "Step",
    "Subject",
    "Update",
    "captured",
    "copy_of",
    "first_batches",
    "loaders_of_split",
    "metrics_of",
    "num_batches",
    "only_batches",
    "place",
    "random_state_kept",
    "read_checkpoint",
    "resized",
    "states_of",
    "stepped",
    "subject_of_fit",
    "subject_of_module",
    "watch",
    "without_samples",
]
