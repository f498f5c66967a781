"""The class of each item, from wherever the data tells it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)

from lightning_trt.batches.targets import targets_of

CLASSES = [2, 0, 1, 1, 0, 2]
PAIRS = TensorDataset(torch.zeros(6, 3), torch.tensor(CLASSES))


class Labelled(Dataset[int]):
    """Items that cannot be read, whose classes can."""

    targets = CLASSES
    classes = ("cat", "dog", "cow", "hen")

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> int:
        raise AssertionError("was read")


class Pairs(Dataset[tuple[float, int]]):
    """Items with a class, and no word about it."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[float, int]:
        return float(index), CLASSES[index]


class Stream(IterableDataset[tuple[float, int]]):
    """The same in its own order."""

    def __iter__(self) -> Any:
        return iter([(0.0, each) for each in CLASSES])


@pytest.mark.parametrize(
    "data", [PAIRS, Labelled(), Pairs(), Stream()], ids=["tensors", "targets", "batches", "stream"]
)
def test_classes_are_found(data: Any) -> None:
    """In an attribute without reading items, else in the batches."""
    known = targets_of([DataLoader(data, batch_size=4)])

    assert known is not None
    assert known.classes.tolist() == CLASSES


def test_subsets_and_joined_datasets_pass_them_on() -> None:
    """Of their items alone, in order."""
    known = targets_of([DataLoader(Subset(ConcatDataset([Labelled(), PAIRS]), [0, 2, 7]))])

    assert known is not None
    assert known.classes.tolist() == [2, 1, 0]


def test_a_sampler_names_the_items() -> None:
    """As they are counted elsewhere: ascending."""
    known = targets_of([DataLoader(PAIRS, sampler=SubsetRandomSampler([5, 2]))])

    assert known is not None
    assert known.classes.tolist() == [1, 2]


def test_a_dataset_may_say_how_many_classes_there_are() -> None:
    """More than have items."""
    known = targets_of([DataLoader(Labelled())])

    assert known is not None
    assert known.num_classes == 4


@pytest.mark.parametrize(
    "data", [TensorDataset(torch.zeros(4)), TensorDataset(torch.zeros(4), torch.rand(4))], ids=["alone", "real numbers"]
)
def test_nothing_tells_them(data: Any) -> None:
    """Real numbers are no classes."""
    assert targets_of([DataLoader(data)]) is None
