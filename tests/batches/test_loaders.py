"""Batches of chosen items from every kind of loader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, SubsetRandomSampler, TensorDataset

from lightning_trt.batches import batches_of, counts
from lightning_trt.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ITEMS = TensorDataset(torch.arange(10))


class Stream(IterableDataset[int]):
    """Items below `size` without a length, and how many were read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.reads = 0

    def __iter__(self) -> Iterator[int]:
        for item in range(self.size):
            self.reads += 1
            yield item


class Faulty(Dataset[int]):
    """Ten items, of which the seventh cannot be read."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> int:
        if index == 7:
            raise OSError("no such image")
        return index


def doubled(items: Sequence[tuple[torch.Tensor]]) -> torch.Tensor:
    """A collate function of the user's own."""
    return 2 * torch.stack([item[0] for item in items])


def seen(
    *loaders: Any, indices: Sequence[int], batch_size: int | None = None
) -> list[tuple[list[int], int, list[int]]]:
    """Values, loader and indices of each batch."""
    return [
        ((batch[0] if isinstance(batch, (list, tuple)) else batch).tolist(), number, list(rows))
        for batch, number, rows in batches_of(loaders, indices, batch_size=batch_size)
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 4},
        {"batch_size": 4, "shuffle": True},
        {"batch_size": 4, "drop_last": True},
        {"batch_size": 4, "num_workers": 1},
        {"batch_sampler": BatchSampler(range(10), 4, drop_last=False)},
    ],
    ids=["plain", "shuffled", "drop_last", "workers", "batch_sampler"],
)
def test_items_come_by_their_index(options: dict[str, Any]) -> None:
    """However the loader would have mixed them."""
    assert seen(DataLoader(ITEMS, **options), indices=[1, 2, 5, 8, 9]) == [
        ([1, 2, 5, 8], 0, [1, 2, 5, 8]),
        ([9], 0, [9]),
    ]


def test_the_asked_batch_size_holds() -> None:
    """Instead of the loader's own."""
    assert seen(DataLoader(ITEMS, batch_size=4), indices=[1, 2, 5], batch_size=2) == [
        ([1, 2], 0, [1, 2]),
        ([5], 0, [5]),
    ]


def test_a_collate_function_is_used() -> None:
    """It knows what a batch looks like."""
    assert seen(DataLoader(ITEMS, batch_size=4, collate_fn=doubled), indices=[3, 4]) == [([6, 8], 0, [3, 4])]


def test_a_subset_sampler_keeps_its_items() -> None:
    """What it leaves out may be training data."""
    loader = DataLoader(ITEMS, batch_size=4, sampler=SubsetRandomSampler([8, 3, 5]))

    assert seen(loader, indices=[0, 1, 2]) == [([3, 5, 8], 0, [0, 1, 2])]


def test_loaders_are_counted_through() -> None:
    """Items of the second begin where the first one's end, and no batch holds both."""
    loaders = DataLoader(ITEMS, batch_size=4), DataLoader(TensorDataset(torch.arange(100, 105)), batch_size=4)

    assert seen(*loaders, indices=[8, 9, 10, 14]) == [([8, 9], 0, [8, 9]), ([100, 104], 1, [10, 14])]


def test_a_stream_gives_rows_of_its_own_batches() -> None:
    """Only those that were asked for."""
    loader = DataLoader(Stream(10), batch_size=4)

    assert seen(loader, indices=[1, 5, 6]) == [([1], 0, [1]), ([5, 6], 0, [5, 6])]


def test_a_stream_stands_before_another_loader() -> None:
    """Its length is known once it has ended."""
    loaders = DataLoader(Stream(3), batch_size=2), DataLoader(ITEMS, batch_size=4)

    assert seen(*loaders, indices=[2, 3, 12]) == [([2], 0, [2]), ([0, 9], 1, [3, 12])]


def test_a_stream_is_read_twice() -> None:
    """Once to count, once to take."""
    stream = Stream(10)
    loader = DataLoader(stream, batch_size=2)

    seen(loader, indices=[counts([loader])[0] - 1])

    assert stream.reads == 20


def test_an_iterable_of_batches_is_a_stream() -> None:
    """Lightning takes any iterable as a loader."""
    assert seen([torch.arange(4), torch.arange(4, 7)], indices=[0, 5]) == [([0], 0, [0]), ([5], 0, [5])]


def test_a_dataset_of_batches_is_a_stream() -> None:
    """Without automatic batching, an item of the dataset is a batch."""
    loader = DataLoader(TensorDataset(torch.arange(6).reshape(3, 2)), batch_size=None)

    assert seen(loader, indices=[1, 4]) == [([1], 0, [1]), ([4], 0, [4])]


def test_a_stream_that_ends_early_is_an_error() -> None:
    """A generator can be read only once."""
    with pytest.raises(DataError, match="ended after 0 items"):
        seen((batch for batch in ()), indices=[3])


@pytest.mark.parametrize("workers", [0, 1])
def test_a_failing_item_is_named(workers: int) -> None:
    """The reader is told which, and why."""
    loader = DataLoader(Faulty(), batch_size=4, num_workers=workers)

    with pytest.raises(DataError, match="item 7 of the dataset cannot be loaded: OSError: no such image"):
        seen(loader, indices=range(10))


def test_counts_are_of_items() -> None:
    """Not of batches, whatever the loader drops."""
    loaders = DataLoader(ITEMS, batch_size=4, drop_last=True), DataLoader(Stream(7), batch_size=2)

    assert counts(loaders) == (10, 7)


def test_the_users_random_numbers_stay() -> None:
    """Choosing items draws none."""
    torch.manual_seed(0)
    before = torch.get_rng_state()

    seen(DataLoader(ITEMS, batch_size=4, sampler=SubsetRandomSampler([8, 3, 5])), indices=[0, 1, 2])

    assert torch.equal(torch.get_rng_state(), before)
