"""Parts of a pass, merged, are the whole pass."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stages import small_net

if TYPE_CHECKING:
    from lightning_trt.artifacts import Statistics
from stages.small_net import Samples, graph_of, inputs_of
from torch.utils.data import DataLoader, TensorDataset

from lightning_trt.batches import batches_of
from lightning_trt.calibrators import merge
from lightning_trt.settings import CalibrationSettings
from lightning_trt.stages.calibrate import calibrate
from lightning_trt.stages.calibrate.blocks import shards

SETTINGS = CalibrationSettings(block_size=4)
COUNT = 23


def passed(indices: tuple[int, ...]) -> Statistics:
    """What a pass over those items sees."""
    samples = Samples(inputs_of(COUNT), indices=indices)
    return calibrate({"net": graph_of()}, samples, settings=SETTINGS, histograms=True, threads=1)["net"]


def parts(statistics: Statistics) -> list[object]:
    """Every number, comparable."""
    fields = ("count", "nans", "infs", "low", "high", "sample_lows", "sample_highs", "positive", "negative")
    return [
        (name, [np.asarray(getattr(each, field)).tobytes() for field in fields])
        for name, each in statistics.tensors.items()
    ]


@pytest.fixture(scope="module")
def whole() -> Statistics:
    """One pass over all items."""
    return passed(tuple(range(COUNT)))


@settings(max_examples=10)
@given(num_shards=st.integers(1, 6), order=st.randoms(use_true_random=False))
def test_ranks_together_see_what_one_sees(num_shards: int, order: object) -> None:
    """Bit for bit, whatever the number of ranks and the order of merging."""
    seen = [passed(part) for part in shards(range(COUNT), num_shards=num_shards, block_size=4) if part]
    order.shuffle(seen)  # type: ignore[attr-defined]  # hypothesis's Random

    merged = reduce(merge, seen)

    one = passed(tuple(range(COUNT)))
    assert (merged.key, parts(merged)) == (one.key, parts(one))


@given(st.integers(0, 200), st.integers(1, 9), st.integers(1, 16))
def test_every_item_has_one_rank(count: int, num_shards: int, block_size: int) -> None:
    """In order, whole groups, none larger by more than one group."""
    found = shards(range(count), num_shards=num_shards, block_size=block_size)

    groups = [-(-len(part) // block_size) for part in found]
    assert [index for part in found for index in part] == list(range(count))
    assert max(groups) - min(groups) <= 1


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more than this machine has cores
@pytest.mark.parametrize("workers", [0, 1, 4])
def test_workers_change_no_bit(whole: Statistics, workers: int) -> None:
    """Nor does shuffling, or a batch size of seven."""
    loader = DataLoader(TensorDataset(inputs_of(COUNT)), batch_size=7, shuffle=True, num_workers=workers)
    samples = (
        small_net.Sample("net", index, (batch[0][row : row + 1],))
        for batch, _, indices in batches_of([loader], range(COUNT))
        for row, index in enumerate(indices)
    )

    seen = calibrate({"net": graph_of()}, samples, settings=SETTINGS, histograms=True, threads=1)["net"]

    assert (seen.key, parts(seen)) == (whole.key, parts(whole))
