"""Which items turned from right to wrong and back, and of which class they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lightning_trt.artifacts import ClassFlips, FlippedItem, Flips
from lightning_trt.inference import mcnemar
from lightning_trt.stages.validate.units import ItemUnits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lightning_trt.stages.validate.sides import Side

__all__ = ["flips_of"]

_MOST_ITEMS = 20


def flips_of(
    before: Side, after: Side, *, higher_is_better: bool | None, indices: Sequence[int] | None
) -> Flips | None:
    """The items that turned between two sides of 0/1 values; None where they are anything else.

    `indices` are the places in the dataset of all items of the pass, None where they are not known.
    """
    ours, theirs = before.unit_values, after.unit_values
    units, others = before.units, after.units
    if ours is None or theirs is None or not (isinstance(units, ItemUnits) and isinstance(others, ItemUnits)):
        return None
    lower, higher = theirs < ours, theirs > ours
    worse, better = (higher, lower) if higher_is_better is False else (lower, higher)
    labels, change = units.labels(), units.distance(others)

    def items(turned: Tensor) -> tuple[FlippedItem, ...]:
        if indices is None:
            return ()
        found = turned.nonzero().flatten()
        # Stable, so that equal changes stay in the order of the dataset.
        order = torch.sort(change[found], descending=True, stable=True).indices[:_MOST_ITEMS]
        return tuple(_item(unit, units, labels, change, indices) for unit in found[order].tolist())

    return Flips(
        p_value=mcnemar(int(worse.sum()), int(better.sum())),
        worse_items=items(worse),
        better_items=items(better),
        by_class=() if labels is None else _by_class(labels, worse, better),
    )


def _item(unit: int, units: ItemUnits, labels: Tensor | None, change: Tensor, indices: Sequence[int]) -> FlippedItem:
    return FlippedItem(
        index=indices[int(units.places[unit])],
        label=None if labels is None else int(labels[unit]),
        change=float(change[unit]),
    )


def _by_class(labels: Tensor, worse: Tensor, better: Tensor) -> tuple[ClassFlips, ...]:
    turned = torch.unique(labels[worse | better]).tolist()
    return tuple(
        ClassFlips(
            label=label,
            n=int((labels == label).sum()),
            worse=int(worse[labels == label].sum()),
            better=int(better[labels == label].sum()),
        )
        for label in turned
    )
