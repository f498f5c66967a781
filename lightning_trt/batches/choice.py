"""Which dataset items are looked at."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from lightning_trt.batches.loaders import counts
from lightning_trt.errors import NoSamplesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["chosen", "items_of"]


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


def items_of(loaders: Sequence[Iterable[object]], samples: int) -> tuple[int, ...]:
    """Indices of `samples` items, evenly over the data of all `loaders`, counted through them.

    Raises:
        NoSamplesError: The loaders hold no item.
    """
    available = sum(counts(loaders))
    if not available:
        raise NoSamplesError(
            f"the validation data is empty: {len(loaders)} loader(s) hold no item. Calibration and validation need "
            "real samples; check val_dataloader() and the split behind it."
        )
    if available < samples:
        warnings.warn(
            f"calibration asked for {samples} samples and the validation data holds {available}: all of them are used, "
            "and ranges are less sure. Set calibration.samples to what there is, or give more validation data.",
            UserWarning,
            stacklevel=2,
        )
    return chosen(available, samples)
