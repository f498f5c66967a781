"""The samples that calibrate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning_trt.batches import batches_of, items_of
from lightning_trt.replay import captured, loaders_of_split
from lightning_trt.settings import Split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytorch_lightning import LightningModule

    from lightning_trt.replay import Captured, Subject
    from lightning_trt.settings import CalibrationSettings

__all__ = ["Samples", "chosen_samples"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The dataset items `indices` of `loaders`, each time anew as they reach `boundaries` of the subject.

    `prepare` may change how the copy of the module that takes them there finds what its boundaries give.
    """

    subject: Subject
    loaders: tuple[Any, ...]
    indices: tuple[int, ...]
    settings: CalibrationSettings
    boundaries: Sequence[str] = ()
    prepare: Callable[[LightningModule], object] | None = None

    @property
    def are_validated(self) -> bool:
        """Whether they are items of the validation data."""
        return self.settings.split is Split.validate

    def __iter__(self) -> Iterator[Captured]:
        """What the boundaries get, in the order of the indices."""
        pulled = batches_of(self.loaders, self.indices, batch_size=self.settings.batch_size)
        # Data that is not validation's has no loader there; it goes the way of the first one's.
        batches = ((batch, number if self.are_validated else 0, rows) for batch, number, rows in pulled)
        return captured(self.subject, self.boundaries, batches, prepare=self.prepare)


def chosen_samples(subject: Subject, settings: CalibrationSettings) -> Samples:
    """The samples that `settings` want; nothing is loaded yet, but where classes can be learnt in no other way.

    Raises:
        NoSamplesError: There is no such data.
        DataError: The data does not allow this choice.
    """
    loaders = loaders_of_split(subject, settings.split)
    return Samples(subject=subject, loaders=loaders, indices=items_of(loaders, settings), settings=settings)
