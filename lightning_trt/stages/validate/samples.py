"""Which samples a pass saw: their number, a digest of their content, their places in the dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data import SequentialSampler

from lightning_trt.batches import Kept, data_digest, fingerprints

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lightning_trt.replay import Step

__all__ = ["Samples", "indices_of"]


class Samples:
    """Counts and digests samples batch by batch; the same samples in other batches have the same digest.

    Example:
        >>> import torch
        >>> from lightning_trt.stages.validate.samples import Samples
        >>> whole, halves = Samples(), Samples()
        >>> whole.add({"x": torch.arange(4)}, num_items=4)
        >>> halves.add({"x": torch.arange(2)}, num_items=2)
        >>> halves.add({"x": torch.arange(2, 4)}, num_items=2)
        >>> whole.count, whole.digest == halves.digest
        (4, True)
    """

    def __init__(self) -> None:
        self.count = 0
        self._fingerprints: list[NDArray[np.uint64]] = []

    @property
    def digest(self) -> str:
        """Digest of the samples so far."""
        return data_digest(self._fingerprints)

    def add(self, batch: object, *, num_items: int) -> None:
        """Add a batch of `num_items` samples."""
        self.count += num_items
        self._fingerprints.append(fingerprints(batch, count=num_items))


def indices_of(loaders: Sequence[Any], steps: Sequence[Step]) -> tuple[int, ...] | None:
    """Places of the samples of `steps`, counted through all loaders' datasets; None where a loader shuffles.

    Of datasets that some items were left out of, the places that they had before.
    """
    places: list[int] = []
    start = 0
    for idx, loader in enumerate(loaders):
        if not isinstance(getattr(loader, "sampler", None), SequentialSampler) or loader.batch_size is None:
            return None
        count = sum(step.num_items for step in steps if step.dataloader_idx == idx)
        kept = loader.dataset if isinstance(loader.dataset, Kept) else None
        places.extend(start + (position if kept is None else kept.places[position]) for position in range(count))
        start += len(loader.dataset) if kept is None else kept.num_places
    return tuple(places)
