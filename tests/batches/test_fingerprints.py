"""What two runs know the same data by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from lightning_trt.batches import data_digest, fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable


def images(dtype: torch.dtype = torch.float32) -> Tensor:
    """Eight images."""
    return (100 * torch.randn(8, 3, 9, 9, generator=torch.Generator().manual_seed(0))).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.uint8, torch.int64, torch.bool])
def test_an_item_is_the_same_in_any_batch(dtype: torch.dtype) -> None:
    """Its neighbours do not matter."""
    batch = (images(dtype), torch.arange(8))

    alone = [fingerprints((batch[0][row : row + 1], batch[1][row : row + 1]), count=1)[0] for row in range(8)]

    assert fingerprints(batch, count=8).tolist() == [int(number) for number in alone]


@pytest.mark.parametrize("place", [(0, 0, 0), (1, 4, 7), (2, 8, 8)], ids=str)
def test_any_changed_pixel_shows(place: tuple[int, int, int]) -> None:
    """Not those alone that are looked at one by one."""
    changed = images()
    changed[(3, *place)] += 1

    assert (fingerprints(changed, count=8) != fingerprints(images(), count=8)).nonzero()[0].tolist() == [3]


@pytest.mark.parametrize(
    "change",
    [lambda image: image.flip(-1), lambda image: -image, lambda image: image.roll(2, -1), lambda image: image + 1e-4],
    ids=["flipped", "negated", "shifted", "brighter"],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_transform_shows(change: Callable[[Tensor], Tensor], dtype: torch.dtype) -> None:
    """In every item, also one that moves values and changes none."""
    before = images(dtype)

    assert (fingerprints(change(before), count=8) != fingerprints(before, count=8)).all()


def test_an_item_out_of_line_is_the_same() -> None:
    """Items whose bytes do not begin at a multiple of eight."""
    rows = torch.randn(8, 27)

    assert fingerprints(rows[3:4], count=1)[0] == fingerprints(rows, count=8)[3]


def test_digest_does_not_depend_on_batches() -> None:
    """Two loaders of the same data agree."""
    halves = [fingerprints(part, count=len(part)) for part in images().split(3)]

    assert data_digest(halves) == data_digest([fingerprints(images(), count=8)])


def test_digest_depends_on_the_order() -> None:
    """Pairs of records are by position."""
    whole = fingerprints(images(), count=8)

    assert data_digest([whole]) != data_digest([whole[::-1]])
