"""The graph at work, and what is kept of its tensors."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lightning_trt.passes import quantized_tensors
from lightning_trt.stages.calibrate.observing import Observed, Reduces
from lightning_trt.stages.calibrate.tally import Tally

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir
    from numpy.typing import NDArray

    from lightning_trt.artifacts import TensorStatistics
    from lightning_trt.stages.calibrate.blocks import Block

__all__ = ["Sight"]


class Sight:
    """What is seen of the tensors of `model` while blocks run through it."""

    def __init__(self, model: ir.Model, *, histograms: bool, threads: int | None) -> None:
        self._model = model
        self._threads = threads
        self._reduces = None if histograms else Reduces(model, threads=threads)
        self._tallies = {name: Tally(histograms=histograms) for name in quantized_tensors(model)}

    def run(self, block: Block) -> None:
        """Nothing; the block ran, and its tensors were counted."""
        extremes = self._reduces.extremes(block.feed, count=block.num_rows) if self._reduces else None
        if extremes is None:
            self._count(block)
            return
        for name, each in extremes.items():
            self._tallies[name].add_extremes(each, num_rows=len(block.items))

    def statistics(self, items: NDArray[np.int64]) -> dict[str, TensorStatistics]:
        """What was seen of each tensor, where `items` is the dataset item of each row that ran."""
        return {name: tally.statistics(items) for name, tally in self._tallies.items()}

    @cached_property
    def _observed(self) -> Observed:
        """The graph that shows its activations, made when one is asked to."""
        return Observed(self._model, threads=self._threads)

    def _count(self, block: Block) -> None:
        """Nothing; every value of the block was looked at."""
        for name, rows in self._observed.rows(block.feed, count=block.num_rows):
            self._tallies[name].add(rows[: len(block.items)])
