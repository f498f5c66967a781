"""A batch as a number of dataset items, and as something to give away."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["cloned", "num_items"]


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
