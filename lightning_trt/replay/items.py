"""A batch as a number of dataset items, and as something to give away."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, is_dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Step", "cloned", "num_items", "resized"]


@dataclass(frozen=True, slots=True)
class Step:
    """Which batch is being validated, and how many dataset items it holds."""

    batch_idx: int
    dataloader_idx: int
    num_items: int


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


def num_items(loaders: Sequence[Any], batch: object, batch_idx: int, dataloader_idx: int) -> int:
    """Number of dataset items in the batch, by the loader's own count where it has one, else by the first tensor."""
    loader = loaders[dataloader_idx] if dataloader_idx < len(loaders) else None
    size, sampler = getattr(loader, "batch_size", None), getattr(loader, "sampler", None)
    if isinstance(size, int) and isinstance(sampler, Sized):
        return min(size, len(sampler) - batch_idx * size)
    return next(_sizes(batch), 1)


def resized(batch: object, step: Step) -> tuple[object, Step]:
    """The batch with another number of items: half of them, or a single one twice.

    Tensors and lists as long as the batch are taken to hold one entry an item; all else stays.

    Example:
        >>> import torch
        >>> from lightning_trt.replay.items import Step, resized
        >>> resized({"x": torch.arange(4), "scale": 2.0}, Step(0, 0, 4))
        ({'x': tensor([0, 1]), 'scale': 2.0}, Step(batch_idx=0, dataloader_idx=0, num_items=2))
    """
    count = step.num_items // 2 or 2
    rows = [row % step.num_items for row in range(count)]
    return _rows_of(batch, rows, num_items=step.num_items), replace(step, num_items=count)


def _rows_of(batch: object, rows: list[int], *, num_items: int) -> object:
    def taken(tensor: Tensor) -> Tensor:
        return tensor[rows] if tensor.ndim and tensor.shape[0] == num_items else tensor

    def listed(entries: list[object]) -> object:
        if len(entries) == num_items and not any(isinstance(entry, Tensor) for entry in entries):
            return [entries[row] for row in rows]
        return [_rows_of(entry, rows, num_items=num_items) for entry in entries]

    def part(value: object) -> object:
        return listed(value) if isinstance(value, list) else taken(cast("Tensor", value))

    return apply_to_collection(batch, (Tensor, list), part)


def _sizes(batch: object) -> Iterator[int]:
    """First axis of each tensor in the batch."""
    if isinstance(batch, Tensor):
        if batch.ndim:
            yield batch.shape[0]
    elif isinstance(batch, dict):
        for value in batch.values():
            yield from _sizes(value)
    elif isinstance(batch, list | tuple):
        for value in batch:
            yield from _sizes(value)
    elif is_dataclass(batch):
        yield from _sizes(vars(batch))
