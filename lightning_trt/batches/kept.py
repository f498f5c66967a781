"""Loaders without some of their items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data import Subset

from lightning_trt.batches.plain import is_stream, positions, rebuilt
from lightning_trt.errors import DataError, NoSamplesError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Kept", "without"]


class Kept(Subset[Any]):
    """The items of a dataset that are left; `places` are theirs among the `num_places` that there were."""

    def __init__(self, dataset: Any, keys: Sequence[Any], *, places: Sequence[int], num_places: int) -> None:  # noqa: ANN401 - datasets have no common type
        super().__init__(dataset, keys)
        self.places = places
        self.num_places = num_places


def without(loaders: Sequence[Any], indices: Sequence[int]) -> list[Any]:
    """The loaders, in batches of the same size and in the order of the dataset, without the items `indices`.

    Raises:
        DataError: A loader cannot be asked for item `k`, or makes batches of its own.
        NoSamplesError: No item would be left.
    """
    left_out = frozenset(indices)
    made: list[Any] = []
    start = 0
    for loader in loaders:
        if is_stream(loader) or loader.batch_size is None:
            raise DataError(
                "validation.exclude_calibration_samples needs validation loaders over datasets that give item k, in "
                f"batches of one size; {type(loader).__name__} is a stream, or has a batch sampler of its own. "
                "Calibrate on other data (calibration.split=train or own), or evaluate all of it."
            )
        keys = positions(loader)
        places = [place for place in range(len(keys)) if start + place not in left_out]
        dataset = Kept(loader.dataset, [keys[place] for place in places], places=places, num_places=len(keys))
        made.append(rebuilt(loader, dataset, batch_size=loader.batch_size, drop_last=loader.drop_last))
        start += len(keys)
    if not sum(len(loader.dataset) for loader in made):
        raise NoSamplesError(
            f"validation.exclude_calibration_samples: all {start} items of the validation data are to calibrate, and "
            "none is left to validate on. Take fewer (calibration.samples), or calibrate on calibration.split=train."
        )
    return made
