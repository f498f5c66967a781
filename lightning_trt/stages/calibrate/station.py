"""The station's story: one pass, block by block, then what was seen; or what an earlier pass saw."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import partial, reduce
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.calibrators import merge
from lightning_trt.errors import NonFiniteActivationsError, NoSamplesError
from lightning_trt.stages.calibrate.memory import Memory
from lightning_trt.stages.calibrate.passing import Pass
from lightning_trt.stages.calibrate.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import NoReturn

    import torch

    from lightning_trt.artifacts import OnnxGraph, Statistics
    from lightning_trt.settings import CalibrationSettings
    from lightning_trt.stages.calibrate.blocks import Sample
    from lightning_trt.storage import Cache

__all__ = ["calibrate", "observe", "recall"]

_NAMED = 8
"""Tensors that an error names; behind the first, NaN spreads to all that follow."""


def calibrate(  # noqa: PLR0913 - what is seen, and where it is kept, run and told of
    graphs: Mapping[str, OnnxGraph],
    samples: Iterable[Sample],
    *,
    settings: CalibrationSettings,
    histograms: bool,
    threads: int | None = None,
    device: torch.device | None = None,
    cache: Cache | None = None,
    advance: Callable[[int], None] | None = None,
    others: Callable[[], Iterable[Mapping[str, Statistics]]] | None = None,
) -> dict[str, Statistics]:
    """Statistics of every tensor that will carry Q/DQ, by boundary name, from one pass over `samples`.

    The same bits come back in whatever batches the samples were pulled. Several calls for one dataset item are one
    sample.

    Args:
        graphs: The exported graph of each boundary, by its name.
        samples: Inputs of the boundaries, of each boundary in index order. With a `cache` they are iterated a second
            time where a pass began like an earlier one, and went on otherwise.
        settings: The size of a block.
        histograms: Whether values are counted by magnitude; without, extremes alone, at nearly no cost.
        threads: Processor threads of onnxruntime; None leaves it to onnxruntime.
        device: Where torch runs the graphs' programs, in the place of onnxruntime; those that it cannot show are run by
            onnxruntime (`Runner.why_not`).
        cache: Where statistics of earlier passes are; those of the same graph and samples are taken, and no graph runs.
        advance: Called with the number of dataset items that were just begun.
        others: Where `samples` are the first of several parts (`shards`): gives what was seen of the others. The cache
            then only keeps the whole; `recall` asks it first.

    Raises:
        NoSamplesError: No sample came for a boundary.
        NonFiniteActivationsError: NaN or Inf in a tensor that int8 or fp8 would quantize.
    """
    with ExitStack() as memories:
        runner = Runner(device=device, threads=threads)
        begin = _beginnings(
            graphs, settings, runner, histograms=histograms, cache=cache, hopes=others is None, memories=memories
        )
        passes = {name: one() for name, one in begin.items()}
        _feed(passes, samples, advance)
        if others is None:
            statistics = _finished(passes, begin, samples)
        else:
            statistics = _together([_parts(passes), *others()], passes)
    _check_finite(statistics)
    return statistics


def observe(
    graphs: Mapping[str, OnnxGraph],
    samples: Iterable[Sample],
    *,
    settings: CalibrationSettings,
    histograms: bool,
    threads: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> dict[str, Statistics]:
    """What `calibrate` sees of one of several parts of the samples; without the boundaries that none of it reached.

    NaN and Inf are counted, and no error: the whole tells where they are. Arguments are those of `calibrate`.
    """
    with ExitStack() as memories:
        runner = Runner(threads=threads)
        begin = _beginnings(graphs, settings, runner, histograms=histograms, cache=None, hopes=False, memories=memories)
        passes = {name: one() for name, one in begin.items()}
        _feed(passes, samples, advance)
        return _parts(passes)


def recall(
    graphs: Mapping[str, OnnxGraph],
    samples: Iterable[Sample],
    *,
    settings: CalibrationSettings,
    histograms: bool,
    cache: Cache,
) -> dict[str, Statistics] | None:
    """What an earlier `calibrate` with this cache saw of these samples; None where one graph is not known.

    No graph runs. Arguments are those of `calibrate`.

    Raises:
        NoSamplesError: No sample came for a boundary.
        NonFiniteActivationsError: NaN or Inf was seen.
    """
    with ExitStack() as memories:
        begin = _beginnings(
            graphs, settings, _Idle(), histograms=histograms, cache=cache, hopes=True, memories=memories
        )
        passes = {name: one() for name, one in begin.items()}
        try:
            _feed(passes, samples)
            found = {name: one.finish() for name, one in passes.items()}
        except _UnknownError:
            return None
    statistics = {name: one for name, one in found.items() if one is not None}
    if statistics.keys() != graphs.keys():
        return None
    _check_finite(statistics)
    return statistics


class _UnknownError(Exception):
    """A block would have to run."""


class _Idle(Runner):
    """What runs no block."""

    def opened(self, graph: OnnxGraph, *, histograms: bool) -> NoReturn:  # noqa: ARG002 - a runner's signature
        raise _UnknownError


def _beginnings(
    graphs: Mapping[str, OnnxGraph],
    settings: CalibrationSettings,
    runner: Runner,
    *,
    histograms: bool,
    cache: Cache | None,
    hopes: bool,
    memories: ExitStack,
) -> dict[str, Callable[[], Pass]]:
    """What begins a pass over each graph's samples, again too; memories are closed with the stack."""
    begin: dict[str, Callable[[], Pass]] = {}
    for name, graph in graphs.items():
        digest, memory = runner.digest_of(graph), None
        if cache is not None:
            about = f"{runner.about(graph)} {digest}"
            memory = Memory(cache, about=about, settings=settings, histograms=histograms, hopes=hopes)
            memories.callback(memory.close)
        look = partial(runner.opened, graph, histograms=histograms)
        begin[name] = partial(Pass, graph.boundary, graph=digest, size=settings.block_size, look=look, memory=memory)
    return begin


def _feed(passes: Mapping[str, Pass], samples: Iterable[Sample], advance: Callable[[int], None] | None = None) -> None:
    """Nothing; each pass had all `samples` of its boundary."""
    begun: set[int] = set()
    for sample in samples:
        if advance is not None and sample.index not in begun:
            advance(1)
        begun.add(sample.index)
        if sample.boundary in passes:
            passes[sample.boundary].add(sample)


def _finished(
    passes: Mapping[str, Pass], begin: Mapping[str, Callable[[], Pass]], samples: Iterable[Sample]
) -> dict[str, Statistics]:
    """What was seen of all samples, kept; a pass that hoped in vain is made again."""
    found = {name: one.finish() for name, one in passes.items()}
    again = {name: begin[name]() for name, one in found.items() if one is None}
    if again:
        _feed(again, samples)
    found |= {name: one.finish() for name, one in again.items()}
    statistics = {name: one for name, one in found.items() if one is not None}
    return _kept(statistics, {**passes, **again})


def _kept(statistics: dict[str, Statistics], passes: Mapping[str, Pass]) -> dict[str, Statistics]:
    for name, one in statistics.items():
        passes[name].keep(one)
    return statistics


def _parts(passes: Mapping[str, Pass]) -> dict[str, Statistics]:
    """What was seen where anything was."""
    seen: dict[str, Statistics] = {}
    for name, one in passes.items():
        with suppress(NoSamplesError):
            if (statistics := one.finish()) is not None:
                seen[name] = statistics
    return seen


def _together(parts: Sequence[Mapping[str, Statistics]], passes: Mapping[str, Pass]) -> dict[str, Statistics]:
    """The parts of each boundary as one, kept; a boundary that no sample reached is its own pass's error."""
    whole: dict[str, Statistics] = {}
    for name, one in passes.items():
        seen = [part[name] for part in parts if name in part]
        if seen:
            whole[name] = reduce(merge, seen)
        else:
            one.finish()
    return _kept(whole, passes)


def _check_finite(statistics: Mapping[str, Statistics]) -> None:
    """Nothing, where no tensor held NaN or Inf."""
    broken = {
        name: f"{name!r} ({tensor.nans} NaN, {tensor.infs} Inf)"
        for one in statistics.values()
        for name, tensor in one.tensors.items()
        if tensor.nans or tensor.infs
    }
    if not broken:
        return
    items = sorted({item for one in statistics.values() for item in _broken_items(one)})
    more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
    raise NonFiniteActivationsError(
        f"NaN or Inf in {len(broken)} tensor(s) during calibration: {', '.join(list(broken.values())[:_NAMED])}{more}; "
        f"seen for {len(items)} dataset item(s), first item {items[0]}. Ranges need finite values: look at that item "
        "and at the checkpoint's weights, or leave out int8 and fp8."
    )


def _broken_items(statistics: Statistics) -> set[int]:
    """Dataset items for which a tensor was not finite."""
    indices = np.array(statistics.indices)
    broken = [~(np.isfinite(each.sample_lows) & np.isfinite(each.sample_highs)) for each in statistics.tensors.values()]
    return {int(item) for where in broken for item in indices[where]}
