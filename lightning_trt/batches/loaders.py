"""Batches of chosen dataset items, whatever loader they come from.

Items are counted through all loaders: those of the second begin where the first one's end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_trt.batches.nests import num_items, rows_of
from lightning_trt.batches.plain import is_stream, positions, rebuilt
from lightning_trt.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from torch.utils.data import DataLoader

__all__ = ["Batch", "batches_of", "counts"]

Batch = tuple[Any, int, tuple[int, ...]]
"""A batch, the number of its loader, and the indices of its items."""


def counts(loaders: Sequence[Iterable[object]]) -> tuple[int, ...]:
    """Number of items behind each loader; a stream is read to its end for it, in constant memory."""
    return tuple(_count(loader) for loader in loaders)


def batches_of(
    loaders: Sequence[Iterable[object]], indices: Sequence[int], *, batch_size: int | None = None
) -> Iterator[Batch]:
    """Batches of the dataset items `indices`, ascending, each with its loader's number and the indices in it.

    A loader's shuffling, its batch size and limits on batches do not matter; its sampler's choice of items, its
    collate function and its workers do. A stream is cut in its own batches, of which the rows asked for are taken.

    Args:
        loaders: DataLoaders, or whatever Lightning takes in their place.
        indices: Items, ascending, counted through all loaders.
        batch_size: Items in a batch; None takes the loader's own number.

    Raises:
        DataError: The dataset failed at an item, or a stream ended early.
    """
    start = 0
    for number, loader in enumerate(loaders):
        own = [index - start for index in indices if index >= start]
        if own:
            start += yield from _of_loader(loader, own, number=number, start=start, batch_size=batch_size)
    if indices and indices[-1] >= start:
        raise DataError(
            f"the data ended after {start} items; it had more than {indices[-1]} when it was counted. It "
            "must give the same items each time that it is iterated: return a fresh iterator from __iter__."
        )


def _of_loader(
    loader: Iterable[object], indices: Sequence[int], *, number: int, start: int, batch_size: int | None
) -> Generator[Batch, None, int]:
    """Batches of those `indices` that the loader has; returns how many items it has, or more than the last index."""
    if is_stream(loader):
        return (yield from _of_stream(loader, indices, number=number, start=start))
    keys = positions(loader)  # type: ignore[arg-type]  # no stream: a DataLoader
    own = [index for index in indices if index < len(keys)]
    for batch, rows in _of_dataset(loader, keys, own, batch_size=batch_size):  # type: ignore[arg-type]  # the same
        yield batch, number, tuple(row + start for row in rows)
    return len(keys)


def _count(loader: Iterable[object]) -> int:
    if is_stream(loader):
        return sum(num_items(batch) for batch in loader)
    return len(positions(loader))  # type: ignore[arg-type]  # no stream: a DataLoader


def _of_dataset(
    loader: DataLoader[Any], keys: Sequence[Any], indices: Sequence[int], *, batch_size: int | None
) -> Iterator[tuple[Any, Sequence[int]]]:
    size: int = batch_size or loader.batch_size or getattr(loader.batch_sampler, "batch_size", None) or 1
    items = _NamedItems(loader.dataset, [keys[index] for index in indices])
    for position, batch in enumerate(rebuilt(loader, items, batch_size=size)):
        yield batch, indices[position * size : (position + 1) * size]


def _of_stream(
    loader: Iterable[object], indices: Sequence[int], *, number: int, start: int
) -> Generator[Batch, None, int]:
    wanted = set(indices)
    passed = 0
    for batch in loader:
        size = num_items(batch)
        rows = [row for row in range(size) if passed + row in wanted]
        if rows:
            taken = batch if len(rows) == size else rows_of(batch, rows, count=size)
            yield taken, number, tuple(start + passed + row for row in rows)
        passed += size
        if passed > indices[-1]:
            break
    return passed


class _NamedItems:
    """Items of a dataset by their keys; a failure names the item."""

    def __init__(self, dataset: Any, keys: Sequence[Any]) -> None:  # noqa: ANN401 - datasets have no common type
        self._dataset = dataset
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, position: int) -> Any:  # noqa: ANN401 - an item is whatever the dataset holds
        key = self._keys[position]
        try:
            return self._dataset[key]
        except Exception as error:  # the user's code may raise anything
            raise DataError(
                f"item {key!r} of the dataset cannot be loaded: {type(error).__name__}: {error}. "
                f"Look at dataset[{key!r}]; mend or remove it."
            ) from error
