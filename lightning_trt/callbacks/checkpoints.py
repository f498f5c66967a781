"""Which checkpoint is the best one: what the Trainer's ModelCheckpoints say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_trt.artifacts import CheckpointReport
from lightning_trt.errors import CheckpointError, SettingsError, nearest

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

__all__ = ["Best", "best_of", "keeper_of"]


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


def best_of(trainer: Trainer, monitor: str | None) -> Best:
    """The best checkpoint of a finished fit.

    Raises:
        CheckpointError: ModelCheckpoint names a file that is gone.
        SettingsError: No ModelCheckpoint monitors `monitor`.
    """
    keeper = keeper_of(trainer, monitor)
    if keeper is None:
        return _final("the Trainer has no ModelCheckpoint: the weights that training ended with were exported")
    path = str(keeper.best_model_path or "")
    if not path:
        return _final(
            "ModelCheckpoint kept no checkpoint (save_top_k=0, or no validation): the weights that training ended with "
            "were exported",
            monitor=keeper.monitor,
        )
    if "://" not in path and not Path(path).exists():
        raise CheckpointError(
            f"the best checkpoint {path} is gone. This Trainer's ModelCheckpoint wrote it, and it must stay until the "
            "fit ends: do not move or remove it, or export another one with lightning_trt.export(...)."
        )
    score = keeper.best_model_score
    about = CheckpointReport(
        path=path,
        sha256=None,
        epoch=None,
        monitor=keeper.monitor,
        score=None if score is None else float(score),
    )
    return Best(checkpoint=about, notes=_surprises(trainer, keeper, monitor))


def _final(why: str, *, monitor: str | None = None) -> Best:
    about = CheckpointReport(path=None, sha256=None, epoch=None, monitor=monitor, score=None)
    return Best(checkpoint=about, notes=(why,))


def _surprises(trainer: Trainer, keeper: Any, monitor: str | None) -> tuple[str, ...]:  # noqa: ANN401 - as above
    notes = []
    if keeper.monitor is None:
        notes.append("ModelCheckpoint monitors nothing: what it calls its best checkpoint is the last one it saved")
    others = [each.monitor for each in _keepers(trainer) if each is not keeper]
    if others and monitor is None:
        names = ", ".join(str(name) for name in others)
        notes.append(f"the first ModelCheckpoint ({keeper.monitor}) was followed; others monitor {names} (monitor=...)")
    return tuple(notes)
