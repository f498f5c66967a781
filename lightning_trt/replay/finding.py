"""Finding the subject: after a fit, or from a module and its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.replay.checkpoints import load
from lightning_trt.replay.copying import copy_of
from lightning_trt.replay.loaders import loaders_of_fit
from lightning_trt.replay.subject import Subject

if TYPE_CHECKING:
    from pathlib import Path

    from pytorch_lightning import LightningModule, Trainer

__all__ = ["subject_of_fit"]


def subject_of_fit(trainer: Trainer, module: LightningModule, *, checkpoint: Path | str | None) -> Subject:
    """The subject of a finished fit: a copy of its module with the weights of `checkpoint`, and its validation data.

    `checkpoint` None takes the module's own weights. A checkpoint is unpickled without restrictions: only give one
    that this very fit wrote.

    Raises:
        CheckpointError: It is absent, sharded, or does not fit the module.
        NoSamplesError: The fit had no validation.
    """
    combined = loaders_of_fit(trainer, module)
    made = copy_of(module)
    if checkpoint is not None:
        load(made, checkpoint, trust=True)
    return Subject.of(made, trainer=trainer, combined=combined)
