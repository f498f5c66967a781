"""Which items are taken, and what is said where there are few."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from lightning_trt.batches import balanced, chosen, drawn, items_of
from lightning_trt.errors import DataError, NoSamplesError
from lightning_trt.settings import CalibrationSettings


def loader_of(size: int) -> DataLoader[tuple[torch.Tensor, ...]]:
    """A loader over so many items."""
    return DataLoader(TensorDataset(torch.arange(size)), batch_size=4)


@given(st.integers(1, 2000), st.integers(1, 600))
def test_chosen_items_are_even(num_items: int, samples: int) -> None:
    """Each once, ascending, with gaps that differ by one at most."""
    indices = chosen(num_items, samples)

    gaps = {later - earlier for earlier, later in pairwise(indices)}
    assert len(indices) == min(samples, num_items)
    assert not gaps or (min(gaps) >= 1 and max(gaps) - min(gaps) <= 1)


def test_items_come_from_every_loader() -> None:
    """The choice is even over all of the data."""
    assert items_of([loader_of(8), loader_of(8)], CalibrationSettings(samples=4)) == (2, 6, 10, 14)


def test_the_first_items() -> None:
    """In the order of the data."""
    assert items_of([loader_of(8)], CalibrationSettings(samples=3, select="first")) == (0, 1, 2)


@given(st.integers(1, 500), st.integers(1, 300), st.integers(0, 2**64 - 1))
def test_drawn_items_are_each_once(num_items: int, samples: int, seed: int) -> None:
    """Ascending; a larger draw of the seed holds a smaller one."""
    indices = drawn(num_items, samples, seed=seed)

    assert list(indices) == sorted(set(indices))
    assert len(indices) == min(samples, num_items)
    assert set(indices) <= set(drawn(num_items, samples + 7, seed=seed))


def test_another_seed_draws_others() -> None:
    """And the same seed the same ones."""
    one, other = (items_of([loader_of(99)], CalibrationSettings(samples=9, select="random", seed=n)) for n in (0, 1))

    assert one == drawn(99, 9, seed=0) != other


@given(st.lists(st.integers(-1, 5), min_size=1, max_size=80), st.integers(1, 60))
def test_balanced_items_differ_by_one_where_classes_allow(classes: list[int], samples: int) -> None:
    """No class has two more than another that could have given more."""
    found = balanced(np.array(classes), samples)

    taken, available = Counter(classes[index] for index in found), Counter(classes)
    most = max(taken.values())
    assert len(found) == min(samples, len(classes))
    assert all(most - taken[label] <= 1 or taken[label] == available[label] for label in available)


def test_balanced_by_the_targets_of_a_dataset() -> None:
    """The second tensor is the class."""
    data = TensorDataset(torch.zeros(6, 1), torch.tensor([0, 0, 0, 0, 1, 1]))

    assert items_of([DataLoader(data)], CalibrationSettings(samples=2, select="balanced")) == (2, 5)


def test_an_empty_class_is_a_warning_with_its_number() -> None:
    """Ranges know nothing of it."""
    data = TensorDataset(torch.zeros(4, 1), torch.tensor([0, 3, 0, 3]))

    with pytest.warns(UserWarning, match=r"2 classes hold no item of the validate data \(1, 2\)"):
        items_of([DataLoader(data)], CalibrationSettings(samples=2, select="balanced"))


def test_balanced_without_classes_is_an_error() -> None:
    """With what to give, or to choose instead."""
    data = TensorDataset(torch.zeros(4, 1), torch.rand(4))

    with pytest.raises(DataError, match=r"nothing tells the classes.*`targets` attribute, or choose evenly"):
        items_of([DataLoader(data)], CalibrationSettings(select="balanced"))


def test_too_few_items_are_a_warning_with_the_numbers() -> None:
    """All are used."""
    with pytest.warns(UserWarning, match="asked for 8 samples and the validate data holds 5"):
        indices = items_of([loader_of(5)], CalibrationSettings(samples=8))

    assert indices == (0, 1, 2, 3, 4)


def test_the_default_is_only_a_most() -> None:
    """Nobody asked for so many."""
    assert len(items_of([loader_of(5)], CalibrationSettings())) == 5


@pytest.mark.parametrize("loaders", [[], [loader_of(0)]], ids=["no loader", "empty dataset"])
def test_no_item_is_an_error(loaders: list[DataLoader[tuple[torch.Tensor, ...]]]) -> None:
    """With what to look at."""
    with pytest.raises(NoSamplesError, match="check val_dataloader"):
        items_of(loaders, CalibrationSettings())
