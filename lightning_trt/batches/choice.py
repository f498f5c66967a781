"""Which dataset items calibrate."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.batches.loaders import counts
from lightning_trt.batches.mixing import mixed
from lightning_trt.batches.targets import targets_of
from lightning_trt.errors import DataError, NoSamplesError
from lightning_trt.notices import notice
from lightning_trt.settings import CalibrationSettings, Select, Split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["balanced", "chosen", "drawn", "items_of"]

_NAMED = 8
"""Classes that a warning names."""

_METHODS = {
    Split.validate: "val_dataloader",
    Split.train: "train_dataloader",
    Split.own: "calibration_dataloader",
}


def items_of(loaders: Sequence[Iterable[object]], settings: CalibrationSettings) -> tuple[int, ...]:
    """Indices of the items that `settings` want of the data of all `loaders`, ascending, counted through them.

    Raises:
        NoSamplesError: The loaders hold no item.
        DataError: Balanced by class, and nothing tells the class of an item.
    """
    available = sum(counts(loaders))
    if not available:
        raise NoSamplesError(
            f"the {settings.split.value} data is empty: {len(loaders)} loader(s) hold no item. Calibration and "
            f"validation need real samples; check {_METHODS[settings.split]}() and the split behind it."
        )
    _check_enough(available, settings)
    if settings.select is Select.first:
        return tuple(range(min(settings.samples, available)))
    if settings.select is Select.random:
        return drawn(available, settings.samples, seed=settings.seed)
    if settings.select is Select.balanced:
        return balanced(_classes(loaders, settings), settings.samples)
    return chosen(available, settings.samples)


def chosen(num_items: int, samples: int) -> tuple[int, ...]:
    """`samples` of the indices below `num_items`, evenly over all of them, ascending; all where there are fewer.

    Evenly, because the first items of a sorted dataset are of a few classes.

    Example:
        >>> from lightning_trt.batches import chosen
        >>> chosen(100, 4)
        (12, 37, 62, 87)
        >>> chosen(2, 4)
        (0, 1)
    """
    taken = min(samples, num_items)
    return tuple((2 * position + 1) * num_items // (2 * taken) for position in range(taken))


def drawn(num_items: int, samples: int, *, seed: int) -> tuple[int, ...]:
    """`samples` of the indices below `num_items`, at random, ascending; more samples of one seed have these among them.

    Example:
        >>> from lightning_trt.batches import drawn
        >>> drawn(100, 4, seed=0)
        (2, 33, 53, 94)
        >>> set(drawn(100, 4, seed=0)) < set(drawn(100, 8, seed=0))
        True
    """
    order = np.argsort(mixed(num_items, seed=seed), kind="stable")
    return tuple(sorted(order[:samples].tolist()))


def balanced(classes: NDArray[np.int64], samples: int) -> tuple[int, ...]:
    """`samples` indices into `classes`, as many of each class as there are, evenly over the items of each; ascending.

    What a small class cannot give is shared out among the others.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.batches import balanced
        >>> balanced(np.array([0, 0, 0, 0, 1, 2, 2, 2]), 5)
        (1, 3, 4, 5, 7)
    """
    labels, sizes = np.unique(classes, return_counts=True)
    taken: list[int] = []
    left = min(samples, classes.size)
    # The smallest class first: what it lacks is known before the others have their share.
    for rank, at in enumerate(np.argsort(sizes, kind="stable")):
        share = min(int(sizes[at]), left // (len(labels) - rank))
        items = np.flatnonzero(classes == labels[at])
        taken += items[list(chosen(items.size, share))].tolist()
        left -= share
    return tuple(sorted(taken))


def _check_enough(available: int, settings: CalibrationSettings) -> None:
    """Nothing, or a warning where a number was asked for that the data has not; the default is only a most."""
    (default,) = (field.default for field in fields(CalibrationSettings) if field.name == "samples")
    if available < settings.samples != default:
        notice(
            f"calibration asked for {settings.samples} samples and the {settings.split.value} data holds {available}: "
            "all of them are used, and ranges are less sure. Set calibration.samples to what there is, or give more "
            "data.",
        )


def _classes(loaders: Sequence[Iterable[object]], settings: CalibrationSettings) -> NDArray[np.int64]:
    """The class of every item; a class without items is named in a warning."""
    known = targets_of(loaders)
    if known is None:
        raise DataError(
            f"calibration.select is balanced, and nothing tells the classes of the {settings.split.value} data: its "
            "datasets have no `targets` or `labels`, and the second part of a batch is no whole number for each item. "
            "Give the dataset a `targets` attribute, or choose evenly."
        )
    empty = sorted(set(range(max(known.num_classes, int(known.classes.max()) + 1))) - set(known.classes.tolist()))
    if empty:
        named = ", ".join(map(str, empty[:_NAMED])) + (" and more" if len(empty) > _NAMED else "")
        notice(
            f"{len(empty)} classes hold no item of the {settings.split.value} data ({named}): the samples are balanced "
            "over the others, and ranges know nothing of these.",
        )
    return known.classes
