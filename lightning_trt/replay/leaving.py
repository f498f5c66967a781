"""Validating, and leaving everything as it was."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from lightning_trt.replay.random_state import random_state_kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytorch_lightning import Trainer

__all__ = ["optimizers_kept", "validating"]


@contextmanager
def optimizers_kept(trainer: Trainer) -> Iterator[None]:
    """Whatever validation hooks set in optimizers and schedulers, the Trainer's are as before afterwards."""
    groups = [
        (group, {name: copy.copy(value) for name, value in group.items() if name != "params"})
        for optimizer in trainer.optimizers
        for group in optimizer.param_groups
    ]
    schedulers = [config.scheduler for config in trainer.lr_scheduler_configs]
    states = [copy.deepcopy(scheduler.state_dict()) for scheduler in schedulers]
    try:
        yield
    finally:
        for group, values in groups:
            group.update(values)
        for scheduler, state in zip(schedulers, states, strict=True):
            scheduler.load_state_dict(state)


@contextmanager
def validating(trainer: Trainer) -> Iterator[None]:
    """Without gradients, as this Trainer validates; random state, optimizers and schedulers stay as they are."""
    without_gradients = torch.inference_mode if trainer.validate_loop.inference_mode else torch.no_grad
    with random_state_kept(), optimizers_kept(trainer), without_gradients():
        yield
