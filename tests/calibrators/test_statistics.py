"""Statistics: merging, keys, fp16."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lightning_trt.calibrators import beyond_fp16, merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_trt.artifacts import Statistics


def assert_same(one: Statistics, other: Statistics) -> None:
    """Every number of both is equal, bit for bit."""
    assert one.key == other.key
    assert one.indices == other.indices
    for name, tensor in one.tensors.items():
        for field in dataclasses.fields(tensor):
            np.testing.assert_array_equal(getattr(tensor, field.name), getattr(other.tensors[name], field.name))


@given(data=st.data(), shards=st.integers(1, 5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_shards_merged_in_any_order_equal_one_pass(
    data: st.DataObject, shards: int, statistics_of: Callable[..., Statistics]
) -> None:
    """However the samples are dealt out, and in whatever order the parts come together."""
    samples = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)
    owner = data.draw(st.lists(st.integers(0, shards - 1), min_size=12, max_size=12))
    parts = [
        statistics_of(samples[mine], indices=tuple(mine))
        for shard in range(shards)
        if (mine := [index for index in range(12) if owner[index] == shard])
    ]

    parts = data.draw(st.permutations(parts))
    merged = parts[0]
    for part in parts[1:]:
        merged = merge(merged, part)

    assert_same(merged, statistics_of(samples))


def test_merging_shards_that_share_a_sample_is_refused(statistics_of: Callable[..., Statistics]) -> None:
    """It would count twice."""
    part = statistics_of(np.ones((2, 3), np.float32), indices=(1, 4))

    with pytest.raises(ValueError, match="share samples"):
        merge(part, part)


def test_merging_two_graphs_is_refused(statistics_of: Callable[..., Statistics]) -> None:
    """Equal tensor names of different weights mean nothing together."""
    part = statistics_of(np.ones((2, 3), np.float32), indices=(1, 4))
    other = dataclasses.replace(statistics_of(np.ones((1, 3), np.float32), indices=(2,)), graph="another")

    with pytest.raises(ValueError, match="two graphs"):
        merge(part, other)


@pytest.mark.parametrize(
    "change",
    [{"graph": "other"}, {"block_size": 4}, {"indices": (0, 2)}, {"fingerprints": np.array([0, 9], np.uint64)}],
    ids=["graph", "block size", "choice", "data"],
)
def test_key_changes_with_what_the_numbers_depend_on(
    change: dict[str, object], statistics_of: Callable[..., Statistics]
) -> None:
    """One digest stands for weights, samples, their choice and the blocks."""
    statistics = statistics_of(np.ones((2, 3), np.float32))

    changed = dataclasses.replace(statistics, **change)

    assert changed.key != statistics.key


@pytest.mark.parametrize(("value", "named"), [(65504.0, ()), (-65536.0, ("x",)), (1e9, ("x",))], ids=str)
def test_tensors_beyond_fp16_are_named(
    value: float, named: tuple[str, ...], statistics_of: Callable[..., Statistics]
) -> None:
    """65,504 is the greatest magnitude that fp16 holds."""
    statistics = statistics_of(np.array([[0.0, value]], np.float32))

    assert beyond_fp16(statistics) == named


def test_zeros_are_counted_of_both_signs(statistics_of: Callable[..., Statistics]) -> None:
    """Minus zero is zero."""
    statistics = statistics_of(np.array([[0.0, -0.0, 1.0]], np.float32))

    assert statistics.tensors["x"].zeros == 2
