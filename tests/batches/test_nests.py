"""Items and rows of batches of every form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from pytorch_lightning.utilities.data import extract_batch_size

from lightning_trt.batches import num_items, rows_of


class Pair(NamedTuple):
    """A batch with names."""

    image: torch.Tensor
    target: torch.Tensor


@dataclass
class Record:
    """A batch of a class of the user's own."""

    image: torch.Tensor
    path: list[str]


IMAGES = torch.arange(6).reshape(3, 2)
BATCHES = {
    "tensor": IMAGES,
    "tuple": (IMAGES, torch.zeros(3)),
    "dict": {"path": ["a", "b", "c"], "image": IMAGES},
    "nested": {"views": [IMAGES, IMAGES], "meta": {"scale": torch.tensor(2.0)}},
    "namedtuple": Pair(IMAGES, torch.zeros(3)),
    "dataclass": Record(IMAGES, ["a", "b", "c"]),
    "scalar": torch.tensor(1.0),
}
LIKE_LIGHTNING = ("tensor", "tuple", "dict", "namedtuple", "scalar")  # it warns of the others


@pytest.mark.parametrize("name", LIKE_LIGHTNING)
def test_items_are_counted_as_lightning_does(name: str) -> None:
    """So that averages have the same weights."""
    batch: Any = BATCHES[name]

    assert num_items(batch) == extract_batch_size(batch)


@pytest.mark.parametrize("name", ["tuple", "namedtuple", "dict", "dataclass"])
def test_rows_keep_the_batchs_form(name: str) -> None:
    """The user's step takes nothing else."""
    assert type(rows_of(BATCHES[name], [0, 2], count=3)) is type(BATCHES[name])


@pytest.mark.parametrize("name", ["tensor", "tuple", "namedtuple", "dict", "dataclass", "nested"])
def test_rows_are_taken_of_every_tensor_with_items(name: str) -> None:
    """All that were asked for, and no other."""
    assert num_items(rows_of(BATCHES[name], [0, 2], count=3)) == 2


def test_a_list_of_one_entry_an_item_is_picked_from() -> None:
    """Images of several sizes are batched as a list."""
    images = [torch.zeros(3, size, size) for size in (4, 5)]

    picked = rows_of(images, [1], count=2)

    assert [tuple(image.shape) for image in picked] == [(3, 5, 5)]
