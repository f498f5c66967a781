"""The exported program at work on the device that trained, and what is kept of its tensors there."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from lightning_trt.passes import quantized_tensors
from lightning_trt.stages.calibrate.counting import Counts
from lightning_trt.stages.calibrate.observing import sample_axes
from lightning_trt.stages.calibrate.program import watched
from lightning_trt.stages.calibrate.replayed import Replayed
from lightning_trt.stages.calibrate.sending import Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lightning_trt.artifacts import OnnxGraph, TensorStatistics
    from lightning_trt.stages.calibrate.blocks import Block

__all__ = ["Walk", "exact_arithmetic"]


class Walk:
    """What is seen of the tensors of `graph` while torch runs blocks through its program on `device`.

    No tensor is copied to the host, and nothing waits for the device before `statistics`. Whole blocks of one shape are
    replayed as a CUDA graph where the device has such.
    """

    def __init__(self, graph: OnnxGraph, *, histograms: bool, device: torch.device) -> None:
        names = quantized_tensors(graph.model)
        self._inputs = [spec.name for spec in graph.boundary.inputs]
        self._axes = sample_axes(graph.model, names)
        self._histograms = histograms
        self._device = device
        self._sent = Sender(device)
        self._octaves = {
            name: torch.from_numpy(each.astype(np.int8)).to(device) for name, each in graph.octaves.items()
        }
        self._tables: dict[tuple[str, int], Tensor] = {}
        self._counts = Counts(names, device=device)
        self._module = watched(graph, device=device, look=self._look)
        self._num_rows = self._counted = 0
        self._extremes = self._counts.begin(0)
        self._whole = Replayed(self._walked, device=device)

    def run(self, block: Block) -> None:
        """Nothing; the block is on its way through the program, and its tensors are counted there."""
        feed = [self._sent(block.feed[name]) for name in self._inputs]
        self._num_rows, self._counted = block.num_rows, len(block.items)
        is_whole = self._counted == self._num_rows
        with exact_arithmetic(), torch.no_grad():
            self._counts.keep(self._whole(feed) if is_whole else self._walked(feed))

    def statistics(self, items: NDArray[np.int64]) -> dict[str, TensorStatistics]:
        """What was seen of each tensor, where `items` is the dataset item of each row that ran; nothing runs later."""
        found = self._counts.statistics(items, histograms=self._histograms)
        # The program calls what holds it: without this its memory would be the next builder's to miss.
        del self._module, self._whole, self._tables, self._sent
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        return found

    def _walked(self, feed: Sequence[Tensor]) -> Tensor:
        """The extremes of the rows of one block, whose values were counted."""
        self._extremes = self._counts.begin(self._counted)
        self._module(*feed)
        return self._extremes

    def _look(self, name: str, value: Tensor) -> None:
        """Nothing; the tensor was counted, but for padding."""
        by_row = partial(_by_row, axis=self._axes.get(name, 0), count=self._num_rows)
        rows = by_row(value.detach().float())[: self._counted]
        grown = self._octaves.get(name)
        octaves = None
        if grown is not None:
            octaves = self._table(name, rows.shape[1], lambda: by_row(grown.expand(value.shape))[0])
        self._counts.add(name, rows, self._extremes, octaves)

    def _table(self, name: str, size: int, make: Callable[[], Tensor]) -> Tensor:
        """The octaves of each value of a row; kept for all sizes, because what was captured reads them in place."""
        if (name, size) not in self._tables:
            self._tables[name, size] = make().contiguous()
        return self._tables[name, size]


def _by_row(value: Tensor, *, axis: int | None, count: int) -> Tensor:
    """`value` by sample, of shape `(count, values)`; what has no axis of samples belongs to each of them."""
    if axis is None or value.shape[axis] % count:
        return value.reshape(1, -1).expand(count, -1)
    return value.movedim(axis, 0).reshape(count, -1)


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Products of fp32 in fp32, by kernels that give the same bits each time, until the block ends."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
