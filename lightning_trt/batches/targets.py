"""The class of each dataset item, as far as the data tells it.

A dataset says it in an attribute, as those of torchvision do; subsets and joined datasets pass it on. Where none does,
the batches are read once through, which costs as much as loading the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from lightning_trt.batches.loaders import batches_of, counts
from lightning_trt.batches.nests import num_items
from lightning_trt.batches.plain import is_stream, positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["Targets", "targets_of"]

_ATTRIBUTES = ("targets", "labels")
_PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The class of each item, int64 of shape `(items,)`, and how many classes the datasets say that there are."""

    classes: NDArray[np.int64]
    num_classes: int


def targets_of(loaders: Sequence[Iterable[object]]) -> Targets | None:
    """The class of every item of all `loaders`, in order; None where nothing tells it.

    Example:
        >>> import torch
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> from lightning_trt.batches.targets import targets_of
        >>> targets_of([DataLoader(TensorDataset(torch.zeros(3, 2), torch.tensor([2, 0, 2])))]).classes.tolist()
        [2, 0, 2]
    """
    parts = [_of_loader(loader) for loader in loaders]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or not known:
        return None
    declared = [len(_attribute(_origin(loader), ("classes",)) or ()) for loader in loaders]
    return Targets(classes=np.concatenate(known), num_classes=max(declared))


def _of_loader(loader: Any) -> NDArray[np.int64] | None:  # noqa: ANN401 - Lightning takes any iterable as a loader
    keys = () if is_stream(loader) else positions(loader)
    told = _of_dataset(loader.dataset) if keys and isinstance(keys[0], int) else None
    return _of_batches(loader) if told is None else told[np.array(keys, np.int64)]


def _of_dataset(dataset: Any) -> NDArray[np.int64] | None:  # noqa: ANN401 - datasets have no common type
    if isinstance(dataset, Subset):
        whole = _of_dataset(dataset.dataset)
        return None if whole is None else whole[np.array(dataset.indices, np.int64)]
    if isinstance(dataset, ConcatDataset):
        parts = [_of_dataset(each) for each in dataset.datasets]
        known = [part for part in parts if part is not None]
        return np.concatenate(known) if len(known) == len(parts) else None
    if isinstance(dataset, TensorDataset):
        return _as_classes(dataset.tensors[1], len(dataset)) if len(dataset.tensors) >= _PAIR else None
    return _as_classes(_attribute(dataset, _ATTRIBUTES), len(dataset))


def _of_batches(loader: Any) -> NDArray[np.int64] | None:  # noqa: ANN401 - the same as above
    found = []
    for batch, _, _ in batches_of([loader], range(*counts([loader]))):
        second = batch[1] if isinstance(batch, (list, tuple)) and len(batch) >= _PAIR else None
        classes = _as_classes(second, num_items(batch))
        if classes is None:
            return None
        found.append(classes)
    return np.concatenate(found) if found else None


def _as_classes(given: object, count: int) -> NDArray[np.int64] | None:
    """`given` as a whole number for each of `count` items; None where it is something else."""
    if given is None:
        return None
    try:
        array = np.asarray(given.cpu() if isinstance(given, torch.Tensor) else given)
    except (TypeError, ValueError):
        return None
    is_class = array.shape == (count,) and np.issubdtype(array.dtype, np.integer)
    return array.astype(np.int64) if is_class else None


def _origin(loader: Any) -> Any:  # noqa: ANN401 - the same as above
    """The dataset behind subsets of it."""
    dataset = getattr(loader, "dataset", None)
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return dataset


def _attribute(dataset: Any, names: Sequence[str]) -> Any:  # noqa: ANN401 - the same as above
    return next((value for name in names if (value := getattr(dataset, name, None)) is not None), None)
