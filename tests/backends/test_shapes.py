"""For which sizes engines are built: the user's, else those that were seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from backends.engines import net

from lightning_trt.backends.shapes import check_axes, one_profile, profiles
from lightning_trt.errors import SettingsError
from lightning_trt.settings import TensorRTSettings

ONE, MANY = {"batch": [1, 1, 1]}, {"batch": [8, 32, 128], "tokens": [4, 16, 32]}


def test_one_profile_is_for_batch_one_and_one_for_more() -> None:
    """One for both costs dearly at batch 1."""
    made = profiles(net("residual").graph, TensorRTSettings(typical_batch=16, max_batch=48))

    assert list(made) == [{"batch": (1, 1, 1)}, {"batch": (2, 16, 48)}]


def test_batch_one_alone_needs_one_profile() -> None:
    """There is no larger batch."""
    assert list(profiles(net("residual").graph, TensorRTSettings(max_batch=1))) == [{"batch": (1, 1, 1)}]


def test_other_axes_may_grow_from_what_was_seen() -> None:
    """Four times as far; the call that was exported is the typical one."""
    seen = net("text").graph.sizes["tokens"]

    made = list(profiles(net("text").graph, TensorRTSettings()))

    assert [profile["tokens"] for profile in made] == [(1, seen, 4 * seen)] * 2


def test_axis_sizes_are_the_users() -> None:
    """In every profile."""
    settings = TensorRTSettings(axis_sizes={"tokens": [2, 8, 64]})

    assert {profile["tokens"] for profile in profiles(net("text").graph, settings)} == {(2, 8, 64)}


@pytest.mark.parametrize("make", [profiles, one_profile], ids=["tensorrt", "rtx"])
def test_profiles_are_the_users(make: object) -> None:
    """As many as there are; what one of them leaves out has the size that it has without them."""
    settings = TensorRTSettings(profiles=(ONE, MANY), axis_sizes={"tokens": [2, 8, 64]})

    made = list(make(net("text").graph, settings))  # type: ignore[operator]

    assert made == [{"batch": (1, 1, 1), "tokens": (2, 8, 64)}, {"batch": (8, 32, 128), "tokens": (4, 16, 32)}]


def test_a_profile_without_the_batch_takes_any() -> None:
    """Up to the largest."""
    settings = TensorRTSettings(profiles=({"tokens": [1, 2, 4]},), typical_batch=4, max_batch=8)

    assert list(profiles(net("text").graph, settings)) == [{"batch": (1, 4, 8), "tokens": (1, 2, 4)}]


def test_axes_that_the_graph_has_not_are_left_out() -> None:
    """They may be another boundary's."""
    assert list(profiles(net("residual").graph, TensorRTSettings(profiles=(MANY,)))) == [{"batch": (8, 32, 128)}]


def test_one_profile_holds_every_batch() -> None:
    """Where kernels fit themselves to the batch at hand."""
    made = one_profile(net("residual").graph, TensorRTSettings(typical_batch=16, max_batch=48))

    assert list(made) == [{"batch": (1, 16, 48)}]


def test_an_axis_of_unknown_size_is_refused() -> None:
    """Nothing is guessed; the sentence has the line to write."""
    graph = replace(net("text").graph, sizes={})

    with pytest.raises(SettingsError, match=r"axis 'tokens'.*axis_sizes, e\.g\. \{'tokens': \[1, 64, 512\]\}"):
        list(profiles(graph, TensorRTSettings()))


def test_axes_of_any_graph_are_known() -> None:
    """One boundary has tokens, the other has not."""
    check_axes([net("residual").graph, net("text").graph], TensorRTSettings(profiles=(MANY,)))


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        (TensorRTSettings(axis_sizes={"token": [1, 2, 3]}), r"axis_sizes"),
        (TensorRTSettings(profiles=(ONE, {"token": [1, 2, 3]})), r"profiles\[1\]"),
    ],
    ids=["axis_sizes", "profiles"],
)
def test_an_axis_that_no_graph_has_is_refused(settings: TensorRTSettings, place: str) -> None:
    """It would be passed over; the sentence names those that there are."""
    with pytest.raises(SettingsError, match=rf"{place} has .* 'token'.*Did you mean 'tokens'\? Known: batch, tokens"):
        check_axes([net("text").graph], settings)
