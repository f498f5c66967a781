"""Which samples a pass saw: their number, a digest of their content, their places in the dataset."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_trt.replay import Step

__all__ = ["Samples", "indices_of"]

_NUMBERS_A_ROW = 64


class Samples:
    """Counts and digests samples batch by batch; the same samples in other batches have the same digest.

    Of each item at most 64 evenly spaced numbers of each tensor are read: enough to know a dataset again.

    Example:
        >>> import torch
        >>> from lightning_trt.stages.validate.samples import Samples
        >>> whole, halves = Samples(), Samples()
        >>> whole.add({"x": torch.arange(4)}, num_items=4)
        >>> halves.add({"x": torch.arange(2)}, num_items=2)
        >>> halves.add({"x": torch.arange(2, 4)}, num_items=2)
        >>> whole.count, whole.digest == halves.digest
        (4, True)
    """

    def __init__(self) -> None:
        self.count = 0
        self._sha = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 over the samples so far, in hexadecimal digits."""
        return self._sha.hexdigest()

    def add(self, batch: object, *, num_items: int) -> None:
        """Add a batch of `num_items` samples."""
        self.count += num_items
        rows = [_bytes_of_rows(tensor) for tensor in _tensors(batch) if tensor.ndim and len(tensor) == num_items]
        if rows:
            self._sha.update(torch.cat(rows, dim=1).numpy().tobytes())


def indices_of(loaders: Sequence[Any], steps: Sequence[Step]) -> tuple[int, ...] | None:
    """Places of the samples of `steps`, counted through all loaders' datasets; None where a loader shuffles."""
    places: list[int] = []
    start = 0
    for idx, loader in enumerate(loaders):
        if not isinstance(getattr(loader, "sampler", None), SequentialSampler) or loader.batch_size is None:
            return None
        count = sum(step.num_items for step in steps if step.dataloader_idx == idx)
        places.extend(range(start, start + count))
        start += len(loader.dataset)
    return tuple(places)


def _bytes_of_rows(tensor: Tensor) -> Tensor:
    rows = tensor.detach().reshape(len(tensor), -1)
    some = torch.linspace(0, rows.shape[1] - 1, min(rows.shape[1], _NUMBERS_A_ROW)).long().to(rows.device)
    return rows[:, some].cpu().contiguous().view(torch.uint8)


def _tensors(nest: object) -> Iterator[Tensor]:
    if isinstance(nest, Tensor):
        yield nest
    elif isinstance(nest, dict | list | tuple):
        for value in nest.values() if isinstance(nest, dict) else nest:
            yield from _tensors(value)
