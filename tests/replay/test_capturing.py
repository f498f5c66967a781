"""What reaches a boundary, item by item, whatever batches it came in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from zoo import Classifier, Images
from zoo.manners import WritesIntoBatch
from zoo.structures import Autoencoder, DictImages, KeywordClassifier, Pairs, Siamese

from lightning_trt.batches import batches_of
from lightning_trt.errors import DataError
from lightning_trt.replay import Captured, captured, subject_of_module

INDICES = (0, 3, 20, 52)


def items(
    module: Any, data: Any, boundaries: tuple[str, ...] = ("model",), *, batch_size: int | None = None
) -> list[Captured]:
    """What the boundaries get for some items."""
    with subject_of_module(module, data) as subject:
        return list(captured(subject, boundaries, batches_of(subject.loaders, INDICES, batch_size=batch_size)))


@pytest.mark.parametrize("batch_size", [1, 3, None])
def test_items_are_those_of_the_dataset(batch_size: int | None) -> None:
    """Each item gives its own image, with a batch axis of one, in any batch."""
    data = Images()

    found = items(Classifier(), data, batch_size=batch_size)

    assert [each.index for each in found] == list(INDICES)
    assert all(torch.equal(each.inputs[0][0], data.val[each.index][0]) for each in found)


def test_several_inputs() -> None:
    """All inputs of a call come, in the boundary's order."""
    found = items(KeywordClassifier(), DictImages())

    assert [tuple(tensor.shape) for tensor in found[0].inputs] == [(1, 1, 8, 8), (1,)]


def test_several_calls_of_one_boundary() -> None:
    """A net that is called twice in a step gives two for each item."""
    found = items(Siamese(), Images())

    assert [each.index for each in found] == [index for index in INDICES for _ in range(2)]


def test_several_boundaries() -> None:
    """Every boundary gives its own."""
    found = items(Autoencoder(), Images(), ("encoder", "decoder"))

    assert {each.boundary: tuple(each.inputs[0].shape) for each in found} == {
        "encoder": (1, 1, 8, 8),
        "decoder": (1, 8),
    }


def test_rows_that_cannot_be_told_apart() -> None:
    """Two rows an item in one call are an error that names the cure."""
    with pytest.raises(DataError, match=r"\[8\] rows for 4 dataset items.*calibration\.batch_size to 1"):
        items(Pairs(), Images())


def test_rows_of_single_items() -> None:
    """Item by item they can be told apart."""
    found = items(Pairs(), Images(), batch_size=1)

    assert [each.index for each in found] == [index for index in INDICES for _ in range(2)]


def test_inputs_are_as_they_were_before_the_call() -> None:
    """What is captured is what the boundary got, scaled by the step; the dataset keeps its own."""
    data = Images()

    found = items(WritesIntoBatch(), data)

    assert all(torch.equal(each.inputs[0][0], data.val[each.index][0] / 2) for each in found)


def test_no_mode_holds_between_items() -> None:
    """The caller computes in its own grad mode while it iterates."""
    with subject_of_module(Classifier(), Images()) as subject:
        modes = [torch.is_grad_enabled() for _ in captured(subject, ("model",), batches_of(subject.loaders, INDICES))]

    assert all(modes)
