"""The station's story: one pass, block by block, then what was seen."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.artifacts import Statistics
from lightning_trt.errors import NonFiniteActivationsError, NoSamplesError
from lightning_trt.passes import quantized_tensors
from lightning_trt.stages.calibrate.blocks import Block, Blocks, Sample
from lightning_trt.stages.calibrate.digest import digest_of
from lightning_trt.stages.calibrate.observing import Observed, Reduces
from lightning_trt.stages.calibrate.tally import Tally, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from lightning_trt.artifacts import OnnxGraph
    from lightning_trt.settings import CalibrationSettings

__all__ = ["calibrate"]

_NAMED = 8
"""Tensors that an error names; behind the first, NaN spreads to all that follow."""


def calibrate(
    graphs: Mapping[str, OnnxGraph],
    samples: Iterable[Sample],
    *,
    settings: CalibrationSettings,
    histograms: bool,
    threads: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> dict[str, Statistics]:
    """Statistics of every tensor that will carry Q/DQ, by boundary name, from one pass over `samples`.

    The same bits come back in whatever batches the samples were pulled. Several calls for one dataset item are one
    sample.

    Args:
        graphs: The exported graph of each boundary, by its name.
        samples: Inputs of the boundaries, of each boundary in index order.
        settings: The size of a block.
        histograms: Whether values are counted by magnitude; without, extremes alone, at nearly no cost.
        threads: Processor threads of onnxruntime; None leaves it to onnxruntime.
        advance: Called with the number of dataset items that were just begun.

    Raises:
        NoSamplesError: No sample came for a boundary.
        NonFiniteActivationsError: NaN or Inf in a tensor that int8 or fp8 would quantize.
    """
    passes = {
        name: _Pass(graph, size=settings.block_size, histograms=histograms, threads=threads)
        for name, graph in graphs.items()
    }
    begun: set[int] = set()
    for sample in samples:
        if advance is not None and sample.index not in begun:
            advance(1)
        begun.add(sample.index)
        passes[sample.boundary].add(sample)
    statistics = {name: one.finish() for name, one in passes.items()}
    _check_finite(statistics)
    return statistics


class _Pass:
    """The pass over the samples of one boundary."""

    def __init__(self, graph: OnnxGraph, *, size: int, histograms: bool, threads: int | None) -> None:
        self._graph = graph
        self._size = size
        self._threads = threads
        self._reduces = None if histograms else Reduces(graph.model, threads=threads)
        self._blocks = Blocks(graph.boundary, size=size)
        self._tallies = {name: Tally(histograms=histograms) for name in quantized_tensors(graph.model)}
        self._items: list[NDArray[np.int64]] = []
        self._fingerprints: list[NDArray[np.uint64]] = []

    def add(self, sample: Sample) -> None:
        """Nothing; `sample` waits for its block to be full, or the block was run."""
        for block in self._blocks.add(sample):
            self._run(block)

    def finish(self) -> Statistics:
        """What was seen of all samples."""
        for block in self._blocks.rest():
            self._run(block)
        if not self._items:
            raise NoSamplesError(
                f"no sample reached the boundary {self._graph.boundary.folder!r}: there is nothing to calibrate with. "
                "Check that validation_step calls it, and that the validation data holds samples."
            )
        items = np.concatenate(self._items)
        return Statistics(
            tensors={name: tally.statistics(items) for name, tally in self._tallies.items()},
            indices=tuple(np.unique(items).tolist()),
            # A sum, so that it does not matter which of an item's calls was run first.
            fingerprints=folded(np.add, np.concatenate(self._fingerprints), items),
            graph=digest_of(self._graph.model),
            block_size=self._size,
        )

    @cached_property
    def _observed(self) -> Observed:
        """The graph that shows its activations, made when one is asked to."""
        return Observed(self._graph.model, threads=self._threads)

    def _run(self, block: Block) -> None:
        self._items.append(block.items)
        self._fingerprints.append(block.fingerprints)
        extremes = self._reduces.extremes(block.feed, count=block.num_rows) if self._reduces else None
        if extremes is None:
            self._count(block)
            return
        for name, each in extremes.items():
            self._tallies[name].add_extremes(each, num_rows=len(block.items))

    def _count(self, block: Block) -> None:
        """Nothing; every value of the block was looked at."""
        for name, rows in self._observed.rows(block.feed, count=block.num_rows):
            self._tallies[name].add(rows[: len(block.items)])


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
