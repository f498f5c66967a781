"""A batch as a number of dataset items, and as something to give away."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from lightning_trt.batches import num_items, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Step", "cloned", "resized", "step_of"]


@dataclass(frozen=True, slots=True)
class Step:
    """Which batch is being validated, and how many dataset items it holds."""

    batch_idx: int
    dataloader_idx: int
    num_items: int


def step_of(batch: object, batch_idx: int, dataloader_idx: int, *, loaders: Sequence[Any]) -> Step:
    """The step that validates this batch; its items are counted as the loader does, else by the first tensor."""
    size = getattr(loaders[dataloader_idx], "batch_size", None)
    sampler = getattr(loaders[dataloader_idx], "sampler", None)
    if isinstance(size, int) and isinstance(sampler, Sized):
        count = min(size, len(sampler) - batch_idx * size)
    else:
        count = num_items(batch)
    return Step(batch_idx, dataloader_idx, count)


def cloned(batch: object) -> object:
    """The batch with tensors of its own, so that a step that writes into it spoils it for nobody.

    Example:
        >>> import torch
        >>> from lightning_trt.replay.items import cloned
        >>> batch = {"x": torch.zeros(1), "name": "a"}
        >>> cloned(batch)["x"].add_(1), batch["x"]
        (tensor([1.]), tensor([0.]))
    """
    return apply_to_collection(batch, Tensor, Tensor.clone)


def resized(batch: object, step: Step) -> tuple[object, Step]:
    """The batch with another number of items: half of them, or a single one twice.

    Example:
        >>> import torch
        >>> from lightning_trt.replay.items import Step, resized
        >>> resized({"x": torch.arange(4), "scale": 2.0}, Step(0, 0, 4))
        ({'x': tensor([0, 1]), 'scale': 2.0}, Step(batch_idx=0, dataloader_idx=0, num_items=2))
    """
    count = step.num_items // 2 or 2
    rows = [row % step.num_items for row in range(count)]
    return rows_of(batch, rows, count=step.num_items), replace(step, num_items=count)
