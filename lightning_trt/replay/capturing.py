"""What reaches a boundary, dataset item by dataset item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning_trt.errors import DataError
from lightning_trt.replay.copying import copy_of
from lightning_trt.replay.items import Step
from lightning_trt.replay.stepping import stepped
from lightning_trt.replay.watching import Call, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pytorch_lightning import LightningModule
    from torch import Tensor

    from lightning_trt.replay.subject import Subject

__all__ = ["Captured", "captured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What one call of a boundary got for one dataset item: flat tensors in its order, batch axis kept at size 1."""

    boundary: str
    index: int
    inputs: tuple[Tensor, ...]


def captured(
    subject: Subject,
    boundaries: Sequence[str],
    batches: Iterable[tuple[Any, int, Sequence[int]]],
    *,
    prepare: Callable[[LightningModule], object] | None = None,
) -> Iterator[Captured]:
    """What `boundaries` get while each `(batch, dataloader_idx, indices)` is validated, in order of the indices.

    `indices` are the dataset items in the batch. Several calls of a boundary in one step give several for each item.
    `prepare` may change how the copy that runs the steps finds what its boundaries give.

    Raises:
        DataError: A boundary gets rows that cannot be told apart by item.
    """
    module = copy_of(subject.module)
    if prepare is not None:
        prepare(module)
    calls = {name: watch(module, name) for name in boundaries}
    chosen: list[Sequence[int]] = []

    def steps() -> Iterator[tuple[Any, Step]]:
        for batch_idx, (batch, dataloader_idx, indices) in enumerate(batches):
            chosen.append(indices)
            yield batch, Step(batch_idx, dataloader_idx, len(indices))

    for _ in stepped(subject, module, steps()):
        indices = chosen.pop()
        for position, index in enumerate(indices):
            for found in calls.values():
                for call in found:
                    yield from _rows(call, position, index=index, num_items=len(indices))
        for found in calls.values():
            found.clear()


def _rows(call: Call, position: int, *, index: int, num_items: int) -> Iterator[Captured]:
    """What the item at `position` of the batch contributes to a call."""
    size = _num_rows(call, num_items)
    rows = range(size) if num_items == 1 else [position]
    for row in rows:
        inputs = tuple(tensor[row : row + 1] if _length(tensor) == size else tensor for tensor in call.inputs)
        yield Captured(boundary=call.boundary, index=index, inputs=inputs)


def _num_rows(call: Call, num_items: int) -> int:
    """Length of the batch axis: as many rows as items, or all rows where there is one item."""
    lengths = [_length(tensor) for tensor in call.inputs]
    if num_items in lengths:
        return num_items
    if num_items > 1:
        raise DataError(
            f"The boundary {call.boundary or 'forward'!r} gets {lengths} rows for {num_items} dataset items, so that "
            "its samples cannot be told apart. Set calibration.batch_size to 1."
        )
    return lengths[0] if lengths else 1


def _length(tensor: Tensor) -> int:
    return tensor.shape[0] if tensor.ndim else 0
