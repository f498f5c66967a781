"""Which checkpoint is the best one: what the Trainer's ModelCheckpoints say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_trt.artifacts import CheckpointReport
from lightning_trt.errors import CheckpointError, SettingsError, nearest

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

__all__ = ["Best", "best_of", "keeper_of", "named_by"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The checkpoint to export, without a path where it is the weights that training ended with.

    `notes` say what a reader of the report would not expect.
    """

    checkpoint: CheckpointReport
    notes: tuple[str, ...]


def keeper_of(trainer: Trainer, monitor: str | None) -> Any | None:  # noqa: ANN401 - ModelCheckpoint of either package
    """The ModelCheckpoint of `monitor`, or the Trainer's first; None where there is none.

    Raises:
        SettingsError: No ModelCheckpoint monitors `monitor`.
    """
    keepers = _keepers(trainer)
    if monitor is None:
        return keepers[0] if keepers else None
    monitored = {str(each.monitor): each for each in reversed(keepers) if each.monitor is not None}
    if monitor not in monitored:
        raise SettingsError(
            f"monitor={monitor!r}, but no ModelCheckpoint of this Trainer monitors it. "
            + (nearest(monitor, monitored) if monitored else f"Add ModelCheckpoint(monitor={monitor!r}, mode=...).")
        )
    return monitored[monitor]


def _keepers(trainer: Trainer) -> list[Any]:
    # Other checkpoint callbacks (OnExceptionCheckpoint) know of no best.
    return [each for each in trainer.checkpoint_callbacks if hasattr(each, "best_model_path")]


def named_by(trainer: Trainer, monitor: str | None) -> CheckpointReport:
    """The checkpoint that the Trainer calls its best, whether it is there or not; without a path where it has none.

    Raises:
        SettingsError: No ModelCheckpoint monitors `monitor`.
    """
    keeper = keeper_of(trainer, monitor)
    score = None if keeper is None else keeper.best_model_score
    return CheckpointReport(
        path=None if keeper is None else str(keeper.best_model_path or "") or None,
        sha256=None,
        epoch=None,
        monitor=None if keeper is None else keeper.monitor,
        score=None if score is None else float(score),
    )


def best_of(trainer: Trainer, monitor: str | None) -> Best:
    """The best checkpoint of a finished fit.

    Raises:
        CheckpointError: ModelCheckpoint names a file that is gone.
        SettingsError: No ModelCheckpoint monitors `monitor`.
    """
    keeper, about = keeper_of(trainer, monitor), named_by(trainer, monitor)
    if keeper is None:
        return _final(about, "the Trainer has no ModelCheckpoint: the weights that training ended with were exported")
    if about.path is None:
        return _final(
            about,
            "ModelCheckpoint kept no checkpoint (save_top_k=0, or no validation): the weights that training ended with "
            "were exported",
        )
    if "://" not in about.path and not Path(about.path).exists():
        raise CheckpointError(
            f"the best checkpoint {about.path} is gone. This Trainer's ModelCheckpoint wrote it, and it must stay "
            "until the fit ends: do not move or remove it, or export another one with lightning_trt.export(...)."
        )
    return Best(checkpoint=about, notes=_surprises(trainer, keeper, monitor))


def _final(about: CheckpointReport, why: str) -> Best:
    return Best(checkpoint=replace(about, score=None), notes=(why,))


def _surprises(trainer: Trainer, keeper: Any, monitor: str | None) -> tuple[str, ...]:  # noqa: ANN401 - as above
    notes = []
    if keeper.monitor is None:
        notes.append("ModelCheckpoint monitors nothing: what it calls its best checkpoint is the last one it saved")
    others = [each.monitor for each in _keepers(trainer) if each is not keeper]
    if others and monitor is None:
        names = ", ".join(str(name) for name in others)
        notes.append(f"the first ModelCheckpoint ({keeper.monitor}) was followed; others monitor {names} (monitor=...)")
    return tuple(notes)
