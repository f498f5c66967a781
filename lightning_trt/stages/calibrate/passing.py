"""The pass over the samples of one boundary."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.artifacts import Statistics
from lightning_trt.errors import NoSamplesError
from lightning_trt.stages.calibrate.blocks import Block, Blocks, Sample
from lightning_trt.stages.calibrate.tally import folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_trt.artifacts import Boundary
    from lightning_trt.stages.calibrate.memory import Memory
    from lightning_trt.stages.calibrate.sight import Sight
    from lightning_trt.stages.calibrate.walk import Walk

__all__ = ["Pass"]


class Pass:
    """The pass over the samples of one boundary, block by block; where `memory` may know them, no block runs.

    Args:
        boundary: What the samples are inputs of.
        graph: Digest of its graph, and of what runs it.
        size: Number of samples in a block.
        look: Opens the graph; called when the first block has to run.
        memory: Statistics of earlier passes, if there is a cache.
    """

    def __init__(
        self, boundary: Boundary, *, graph: str, size: int, look: Callable[[], Sight | Walk], memory: Memory | None
    ) -> None:
        self._boundary = boundary
        self._graph = graph
        self._size = size
        self._look = look
        self._memory = memory
        self._blocks = Blocks(boundary, size=size)
        self._items = array("q")
        self._fingerprints = array("Q")
        self._sight: Sight | Walk | None = None

    def add(self, sample: Sample) -> None:
        """Nothing; `sample` waits for its block to be full, or the block was taken."""
        for block in self._blocks.add(sample):
            self._take(block)

    def finish(self) -> Statistics | None:
        """What was seen of all samples, now or by an earlier pass; None where one was hoped for and is not there.

        Raises:
            NoSamplesError: There was no sample.
        """
        for block in self._blocks.rest():
            self._take(block)
        if not self._items:
            raise NoSamplesError(
                f"no sample reached the boundary {self._boundary.folder!r}: there is nothing to calibrate with. "
                "Check that validation_step calls it, and that the validation data holds samples."
            )
        items = np.array(self._items, np.int64)
        about = Statistics(
            tensors={},
            indices=tuple(np.unique(items).tolist()),
            # A sum, so that it does not matter which of an item's calls was run first.
            fingerprints=folded(np.add, np.array(self._fingerprints, np.uint64), items),
            graph=self._graph,
            block_size=self._size,
        )
        if self._sight is None:
            return None if self._memory is None else self._memory.recalled(about.key)
        return replace(about, tensors=self._sight.statistics(items))

    def keep(self, statistics: Statistics) -> None:
        """Nothing; later passes that begin as this one did find `statistics`, if there is a memory."""
        if self._memory is not None and not statistics.is_recalled:
            self._memory.keep(statistics)

    def _take(self, block: Block) -> None:
        is_first = not self._items
        if is_first and not (self._memory is not None and self._memory.may_know(block)):
            self._sight = self._look()
        if self._sight is not None:
            self._sight.run(block)
        self._items.frombytes(block.items.tobytes())
        self._fingerprints.frombytes(block.fingerprints.tobytes())
