"""Fixed blocks of samples: what makes every bit independent of how the data was pulled.

Float kernels give other bits for other batch sizes, so each forward pass is over `block_size` rows in index order. The
dataset items are cut into groups of `block_size`, and no block holds rows of two groups: so a rank that has whole
groups (`shards`) runs the blocks that one process would have run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from lightning_trt.artifacts import BATCH
from lightning_trt.batches import fingerprints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lightning_trt.artifacts import Boundary

__all__ = ["Block", "Blocks", "Sample", "shards"]


class Sample(Protocol):
    """The flat inputs of one call of a boundary for one dataset item, batch axis kept."""

    @property
    def boundary(self) -> str:
        """Name of the boundary."""
        ...

    @property
    def index(self) -> int:
        """The dataset item, counted through all loaders."""
        ...

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Tensors in the boundary's order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Inputs of one forward pass by name, and of each row that counts its dataset item and its fingerprint.

    Of the `num_rows` rows that are run, those behind are padding.
    """

    num_rows: int
    feed: Mapping[str, NDArray[np.generic]]
    items: NDArray[np.int64]
    fingerprints: NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    item: int
    call: int
    group: int
    inputs: tuple[Tensor, ...]


def shards(indices: Sequence[int], *, num_shards: int, block_size: int) -> tuple[tuple[int, ...], ...]:
    """The items `indices` for each of `num_shards` ranks: whole groups, as evenly as these allow, none twice.

    Example:
        >>> from lightning_trt.stages.calibrate.blocks import shards
        >>> shards(range(10), num_shards=2, block_size=4)
        ((0, 1, 2, 3, 4, 5, 6, 7), (8, 9))
    """
    groups = [tuple(indices[at : at + block_size]) for at in range(0, len(indices), block_size)]
    bounds = [-(-len(groups) * rank // num_shards) for rank in range(num_shards + 1)]
    parts = [groups[first:last] for first, last in pairwise(bounds)]
    return tuple(tuple(index for group in part for index in group) for part in parts)


class Blocks:
    """Blocks of one boundary, cut by number, by group and by shape alone.

    An item's first call fills other blocks than its second, so that it does not matter whether calls come item by item
    or batch by batch.
    """

    def __init__(self, boundary: Boundary, *, size: int) -> None:
        self._boundary = boundary
        self._is_batched = tuple(spec.dynamic_axes.get(0) == BATCH for spec in boundary.inputs)
        self._size = size
        self._calls: Counter[int] = Counter()
        self._positions: dict[int, int] = {}
        self._waiting: dict[int, list[_Row]] = {}

    def add(self, sample: Sample) -> Iterator[Block]:
        """The blocks that `sample` completes."""
        call = self._calls[sample.index]
        self._calls[sample.index] += 1
        position = self._positions.setdefault(sample.index, len(self._positions))
        group = position // self._size
        row = _Row(item=sample.index, call=call, group=group, inputs=self._typed(sample.inputs))
        waiting = self._waiting.setdefault(call, [])
        if waiting and not self._fits(waiting[0], row):
            yield self._block(waiting)
            waiting.clear()
        waiting.append(row)
        if len(waiting) == self._size or not any(self._is_batched):
            yield self._block(waiting)
            waiting.clear()

    def rest(self) -> Iterator[Block]:
        """The blocks that are not full."""
        for waiting in self._waiting.values():
            if waiting:
                yield self._block(waiting)
        self._waiting.clear()

    def _typed(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(
            tensor.detach().to(device="cpu", dtype=getattr(torch, spec.dtype))
            for spec, tensor in zip(self._boundary.inputs, inputs, strict=True)
        )

    def _fits(self, first: _Row, row: _Row) -> bool:
        """Whether both can be rows of one block: equal groups, shapes, and values of what has no batch axis."""
        return first.group == row.group and all(
            one.shape == other.shape and (is_batched or torch.equal(one, other))
            for is_batched, one, other in zip(self._is_batched, first.inputs, row.inputs, strict=True)
        )

    def _block(self, rows: list[_Row]) -> Block:
        padded = rows if not any(self._is_batched) else [*rows, *[rows[-1]] * (self._size - len(rows))]
        by_row = [
            torch.stack([row.inputs[at] for row in padded])
            if is_batched
            else rows[0].inputs[at].expand(len(padded), *rows[0].inputs[at].shape)
            for at, is_batched in enumerate(self._is_batched)
        ]
        feed = {
            spec.name: (tensor.flatten(0, 1) if is_batched else tensor[0]).numpy()
            for spec, tensor, is_batched in zip(self._boundary.inputs, by_row, self._is_batched, strict=True)
        }
        # The number of the call belongs to what was fed: left and right of a siamese net may not change places.
        calls = torch.tensor([row.call for row in rows])
        return Block(
            num_rows=len(padded),
            feed=feed,
            items=np.array([row.item for row in rows], np.int64),
            fingerprints=fingerprints((*(tensor[: len(rows)] for tensor in by_row), calls), count=len(rows)),
        )
