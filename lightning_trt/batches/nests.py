"""What a batch holds: its tensors, however they nest, and its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["num_items", "rows_of", "tensors_of"]


def tensors_of(nest: object) -> Iterator[Tensor]:
    """The tensors of a nest of mappings, sequences and dataclasses, in its order; what else it holds is passed over.

    Example:
        >>> import torch
        >>> from lightning_trt.batches.nests import tensors_of
        >>> [tuple(tensor.shape) for tensor in tensors_of({"image": torch.zeros(2, 3), "names": ["a", "b"]})]
        [(2, 3)]
    """
    if isinstance(nest, Tensor):
        yield nest
    elif isinstance(nest, Mapping):
        yield from tensors_of(list(nest.values()))
    elif is_dataclass(nest) and not isinstance(nest, type):
        yield from tensors_of([getattr(nest, field.name) for field in fields(nest)])
    elif isinstance(nest, Iterable) and not isinstance(nest, (str, bytes, Iterator)):
        for item in nest:
            yield from tensors_of(item)


def num_items(batch: object) -> int:
    """Number of dataset items in `batch`, as Lightning counts them: the first axis of its first tensor, else 1.

    Example:
        >>> import torch
        >>> from lightning_trt.batches import num_items
        >>> num_items((torch.zeros(3, 2), torch.zeros(3)))
        3
        >>> num_items(torch.tensor(1.0))
        1
    """
    first = next(tensors_of(batch), None)
    return 1 if first is None or first.ndim == 0 else first.shape[0]


def rows_of(batch: Any, rows: Sequence[int], *, count: int) -> Any:  # noqa: ANN401 - a batch is whatever the user makes
    """`batch`, which has `count` items, with the items `rows` alone; what has no such axis stays as it is.

    Example:
        >>> import torch
        >>> from lightning_trt.batches import rows_of
        >>> rows_of({"x": torch.tensor([5, 6, 7]), "name": ["a", "b", "c"], "fold": 1}, [0, 2], count=3)
        {'x': tensor([5, 7]), 'name': ['a', 'c'], 'fold': 1}
    """
    if isinstance(batch, Tensor):
        has_rows = batch.ndim > 0 and batch.shape[0] == count
        return batch[torch.tensor(rows, device=batch.device)] if has_rows else batch
    if isinstance(batch, Mapping):
        return {key: rows_of(value, rows, count=count) for key, value in batch.items()}
    if is_dataclass(batch) and not isinstance(batch, type):
        parts = {field.name: getattr(batch, field.name) for field in fields(batch) if field.init}
        return replace(batch, **{name: rows_of(part, rows, count=count) for name, part in parts.items()})
    if isinstance(batch, (list, tuple)):
        return _sequence_rows(batch, rows, count=count)
    return batch


def _sequence_rows(batch: list[Any] | tuple[Any, ...], rows: Sequence[int], *, count: int) -> object:
    """A sequence of one entry an item is picked from; any other is a nest whose parts have rows."""
    nested = any(isinstance(part, (Mapping, list, tuple)) or _has_rows(part, count) for part in batch)
    if len(batch) == count and not nested:
        parts = [batch[row] for row in rows]
    else:
        parts = [rows_of(part, rows, count=count) for part in batch]
    if hasattr(batch, "_fields"):
        return type(batch)(*parts)
    return type(batch)(parts)


def _has_rows(part: object, count: int) -> bool:
    return isinstance(part, Tensor) and part.ndim > 0 and part.shape[0] == count
