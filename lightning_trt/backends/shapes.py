"""For which sizes of its dynamic axes an engine is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.artifacts import BATCH
from lightning_trt.errors import SettingsError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lightning_trt.artifacts import OnnxGraph
    from lightning_trt.settings import TensorRTSettings

__all__ = ["Sizes", "check_axes", "one_profile", "profiles", "sizes_of_axes"]

Sizes = tuple[int, int, int]
"""Least, typical and largest size of an axis."""

# Where the user says nothing, an axis may grow to so many times the size that was seen.
_GROWTH = 4


def check_axes(graphs: Iterable[OnnxGraph], settings: TensorRTSettings) -> None:
    """Nothing, where every axis that the settings give sizes for is one of the graphs'.

    Raises:
        SettingsError: One is not; the sentence names those that there are.
    """
    known = sorted({name for graph in graphs for name in _dynamic_axes(graph)})
    asked = [("axis_sizes", settings.axis_sizes)]
    asked += [(f"profiles[{at}]", profile) for at, profile in enumerate(settings.profiles)]
    for setting, sizes in asked:
        for name in sizes:
            if name not in known:
                raise SettingsError(
                    f"build.tensorrt.{setting} has sizes for the axis {name!r}, and the exported graph has no dynamic "
                    f"axis of that name. {nearest(name, known)}"
                )


def profiles(graph: OnnxGraph, settings: TensorRTSettings) -> Iterator[Mapping[str, Sizes]]:
    """Sizes of the axes under each optimization profile: the user's, else one for batch 1 and one for more.

    None where no axis is dynamic.

    Raises:
        SettingsError: The size of an axis is known from nowhere.
    """
    if not _dynamic_axes(graph):
        return
    if settings.profiles:
        yield from _asked(graph, settings)
        return
    others = sizes_of_axes(graph, settings)
    if BATCH not in _dynamic_axes(graph):
        yield others
        return
    yield {BATCH: (1, 1, 1), **others}
    if settings.max_batch > 1:
        yield {BATCH: (2, max(settings.typical_batch, 2), settings.max_batch), **others}


def one_profile(graph: OnnxGraph, settings: TensorRTSettings) -> Iterator[Mapping[str, Sizes]]:
    """The user's profiles, else one for all batches: enough where kernels fit themselves to the batch at hand.

    Raises:
        SettingsError: The size of an axis is known from nowhere.
    """
    if settings.profiles:
        yield from _asked(graph, settings)
    elif _dynamic_axes(graph):
        yield {BATCH: _any_batch(settings), **sizes_of_axes(graph, settings)}


def sizes_of_axes(graph: OnnxGraph, settings: TensorRTSettings) -> dict[str, Sizes]:
    """Sizes of each dynamic axis but the batch: the user's, else from the size that was seen.

    Raises:
        SettingsError: The size of an axis is known from nowhere.
    """
    return {name: _sizes(graph, settings, name) for name in sorted(_dynamic_axes(graph) - {BATCH})}


def _asked(graph: OnnxGraph, settings: TensorRTSettings) -> Iterator[dict[str, Sizes]]:
    """The user's profiles; an axis that one of them leaves out has the sizes that it has without them."""
    for profile in settings.profiles:
        known = {name: _three(profile[name]) for name in _dynamic_axes(graph) & set(profile)}
        left_out = _dynamic_axes(graph) - set(profile)
        yield known | {
            name: _any_batch(settings) if name == BATCH else _sizes(graph, settings, name) for name in sorted(left_out)
        }


def _sizes(graph: OnnxGraph, settings: TensorRTSettings, name: str) -> Sizes:
    if name in settings.axis_sizes:
        return _three(settings.axis_sizes[name])
    if name in graph.sizes:
        return 1, graph.sizes[name], _GROWTH * graph.sizes[name]
    raise SettingsError(
        f"no size is known for the axis {name!r}; TensorRT needs the least, the typical and the largest. Set "
        f"build.tensorrt.axis_sizes, e.g. {{{name!r}: [1, 64, 512]}}."
    )


def _any_batch(settings: TensorRTSettings) -> Sizes:
    return 1, settings.typical_batch, settings.max_batch


def _three(sizes: Sequence[int]) -> Sizes:
    least, typical, largest = sizes
    return least, typical, largest


def _dynamic_axes(graph: OnnxGraph) -> set[str]:
    return {name for spec in graph.boundary.inputs for name in spec.dynamic_axes.values()}
