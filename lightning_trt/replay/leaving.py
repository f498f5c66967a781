"""Leaving the user's optimizers and schedulers as they were."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytorch_lightning import Trainer

__all__ = ["optimizers_kept"]


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
