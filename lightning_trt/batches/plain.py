"""Loaders without the parts that training gave them: shards of ranks, and no end."""

from __future__ import annotations

from copy import copy
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SequentialSampler
from torch.utils.data.distributed import DistributedSampler

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["head", "is_stream", "plain", "positions", "rebuilt"]


def plain(loader: Any) -> Any:  # noqa: ANN401 - Lightning takes any iterable as a loader
    """`loader` over the whole dataset: itself, or one like it without the sampler that gives each rank its share."""
    if is_stream(loader):
        return loader
    # Lightning puts its sampler into the user's own batch sampler too.
    shares = getattr(loader.batch_sampler, "sampler", None)
    if not isinstance(shares, DistributedSampler):
        return loader
    whole = _unsharded(shares) or SequentialSampler(loader.dataset)
    if loader.batch_size is not None:
        return rebuilt(loader, loader.dataset, sampler=whole, batch_size=loader.batch_size, drop_last=loader.drop_last)
    batches = copy(loader.batch_sampler)
    batches.sampler = whole
    return rebuilt(loader, loader.dataset, batch_sampler=batches)


def head(loader: Any, max_batches: float) -> Any:  # noqa: ANN401 - Lightning takes any iterable as a loader
    """`loader`, and of a stream, which may have no end, its first `max_batches` batches alone."""
    return _Head(loader, int(max_batches)) if is_stream(loader) and isfinite(max_batches) else loader


def is_stream(loader: object) -> bool:
    """Whether items come as the loader pleases, in its own batches: no dataset that can be asked for item `k`."""
    if not isinstance(loader, DataLoader) or type(loader).__iter__ is not DataLoader.__iter__:
        return True
    return isinstance(loader.dataset, IterableDataset) or loader.batch_sampler is None


def positions(loader: DataLoader[Any]) -> Sequence[Any]:
    """What the loader asks its dataset for: every index, ascending, or those alone that a sampler of its own names."""
    sampler = loader.sampler
    if isinstance(sampler, DistributedSampler):
        sampler = _unsharded(sampler) or sampler
    everything = (SequentialSampler, RandomSampler, DistributedSampler)
    # A batch sampler of the user's own hides behind DataLoader's default sampler.
    own_batches = loader.batch_size is None
    if isinstance(sampler, everything) and not own_batches:
        return range(len(loader.dataset))  # type: ignore[arg-type]  # a dataset with indices has a length
    with torch.random.fork_rng(devices=[]):
        named = [key for batch in loader.batch_sampler or () for key in batch] if own_batches else list(sampler)
    unique = list(dict.fromkeys(named))
    return sorted(unique) if all(isinstance(key, int) for key in unique) else unique


def rebuilt(loader: DataLoader[Any], dataset: Any, **options: Any) -> DataLoader[Any]:  # noqa: ANN401 - DataLoader's own
    """A loader over `dataset` that collates and works as `loader` does, and draws no random number of the user's."""
    return DataLoader(
        dataset,
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=torch.Generator().manual_seed(0),
        **options,
    )


def _unsharded(sampler: DistributedSampler[Any]) -> Any:  # noqa: ANN401 - Sampler of any index
    """The sampler that Lightning wrapped into a distributed one; None where it replaced a plain one."""
    return getattr(sampler.dataset, "_sampler", None)


class _Head:
    """The first batches of a stream, every time anew."""

    def __init__(self, loader: Iterable[object], num_batches: int) -> None:
        self._loader = loader
        self._num_batches = num_batches

    def __iter__(self) -> Iterator[object]:
        return islice(iter(self._loader), self._num_batches)
