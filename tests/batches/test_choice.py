"""Which items are taken, and what is said where there are few."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from lightning_trt.batches import chosen, items_of
from lightning_trt.errors import NoSamplesError


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
    assert items_of([loader_of(8), loader_of(8)], 4) == (2, 6, 10, 14)


def test_too_few_items_are_a_warning_with_the_numbers() -> None:
    """All are used."""
    with pytest.warns(UserWarning, match="asked for 8 samples and the validation data holds 5"):
        indices = items_of([loader_of(5)], 8)

    assert indices == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("loaders", [[], [loader_of(0)]], ids=["no loader", "empty dataset"])
def test_no_item_is_an_error(loaders: list[DataLoader[tuple[torch.Tensor, ...]]]) -> None:
    """With what to look at."""
    with pytest.raises(NoSamplesError, match="check val_dataloader"):
        items_of(loaders, 8)
