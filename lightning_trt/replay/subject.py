"""What is replayed: our copy of the module, the user's Trainer, the validation data."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lightning_trt.replay.checkpoints import Remembered
from lightning_trt.replay.copying import copy_of, uncompiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytorch_lightning import LightningDataModule, LightningModule

    from lightning_trt.replay.scoring import Scoring

__all__ = ["Subject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is replayed.

    `module` is a copy of the user's, in evaluation mode, in float32, with the checkpoint's weights; `as_trained` the
    same in the data type that it was trained in (`module` itself unless the Trainer's precision is bf16-true or the
    like). `trainer` is the user's and only read. `combined` is a CombinedLoader of the Trainer's package over the
    validation loaders, without distributed samplers. `remembered` is the checkpoint's; nothing without one. `scoring`
    is what validates in the place of the module's own validation_step, both copies hold it already; None without one.
    """

    module: LightningModule
    as_trained: LightningModule
    trainer: Any
    combined: Any
    datamodule: LightningDataModule | None
    remembered: Remembered = field(default_factory=Remembered)
    scoring: Scoring | None = None

    @classmethod
    def of(
        cls,
        copied: LightningModule,
        *,
        trainer: Any,
        combined: object,
        remembered: Remembered | None,
        scoring: Scoring | None = None,
    ) -> Subject:
        """The subject around a copy that has the data type it was trained in, and the scoring already."""
        copied = uncompiled(copied)
        is_float32 = not str(trainer.precision).endswith("-true") or trainer.precision == "32-true"
        return cls(
            module=copied if is_float32 else copy_of(copied).float(),
            as_trained=copied,
            trainer=trainer,
            combined=combined,
            datamodule=trainer.datamodule,
            remembered=remembered or Remembered(),
            scoring=scoring,
        )

    @property
    def step_name(self) -> str:
        """What calls the boundary, as a sentence begins with it."""
        return "predict" if self.scoring else f"validation_step of {type(self.module).__name__}"

    @property
    def loaders(self) -> tuple[Any, ...]:
        """What batches come from, one after the other: the loaders, or all together where the user combined them."""
        return tuple(self.combined.flattened) if self.combined._mode == "sequential" else (_Joined(self.combined),)


class _Joined:
    """The batches of loaders that are combined into one, each time anew."""

    def __init__(self, combined: Any) -> None:
        self._combined = combined

    def __iter__(self) -> Iterator[Any]:
        return (batch for batch, _, _ in copy.copy(self._combined))
