"""Loaders without shards and without end."""

from __future__ import annotations

from itertools import count
from math import inf
from typing import TYPE_CHECKING

import torch
from lightning_fabric.utilities.distributed import DistributedSamplerWrapper
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SubsetRandomSampler, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from lightning_trt.batches import head, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS = TensorDataset(torch.arange(10.0))


class Endless(IterableDataset[int]):
    """A stream without end."""

    def __iter__(self) -> Iterator[int]:
        return iter(count())


def values(loader: DataLoader[tuple[torch.Tensor, ...]]) -> list[float]:
    """What the loader gives, item by item."""
    return [value for batch in loader for value in batch[0].tolist()]


def test_a_share_of_one_rank_becomes_the_whole() -> None:
    """A rank alone sees every item."""
    sampler = DistributedSampler(ITEMS, num_replicas=2, rank=1, shuffle=False)

    loader = plain(DataLoader(ITEMS, batch_size=4, sampler=sampler))

    assert values(loader) == list(range(10))


def test_the_batch_size_stays() -> None:
    """Metrics that are averaged over batches see the batches that the user chose."""
    sampler = DistributedSampler(ITEMS, num_replicas=2, rank=0, shuffle=False)

    loader = plain(DataLoader(ITEMS, batch_size=4, sampler=sampler))

    assert [len(batch[0]) for batch in loader] == [4, 4, 2]


def test_a_sampler_behind_the_shards_is_kept() -> None:
    """Lightning wraps a user's sampler into a distributed one."""
    wrapped = DistributedSamplerWrapper(SubsetRandomSampler([3, 5, 8]), num_replicas=2, rank=0)

    loader = plain(DataLoader(ITEMS, sampler=wrapped))

    assert sorted(values(loader)) == [3, 5, 8]


def test_a_batch_sampler_of_the_users_own_is_kept() -> None:
    """With all items in its batches."""
    sampler = DistributedSampler(ITEMS, num_replicas=2, rank=1, shuffle=False)

    loader = plain(DataLoader(ITEMS, batch_sampler=BatchSampler(sampler, 4, drop_last=False)))

    assert [batch[0].tolist() for batch in loader] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_loader_without_shards_is_left_alone() -> None:
    """It is the very same."""
    loader = DataLoader(ITEMS, batch_size=4)

    assert plain(loader) is loader


def test_head_ends_a_stream() -> None:
    """Every time that it is iterated."""
    loader = head(DataLoader(Endless(), batch_size=3), 2)

    assert [[batch.tolist() for batch in loader] for _ in range(2)] == [[[0, 1, 2], [3, 4, 5]]] * 2


def test_head_leaves_a_dataset_whole() -> None:
    """A limit on validation batches does not choose the calibration samples."""
    loader = DataLoader(ITEMS, batch_size=4)

    assert head(loader, 1) is loader


def test_head_without_limit_leaves_a_stream_whole() -> None:
    """Lightning writes no limit as infinity."""
    loader = DataLoader(Endless())

    assert head(loader, inf) is loader
