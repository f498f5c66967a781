"""What can be known before training: whatever is impossible is said in the first second, not after the last epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.callbacks.checkpoints import keeper_of
from lightning_trt.errors import BoundaryNotFoundError, NoSamplesError, ReplayError, SettingsError, nearest
from lightning_trt.pipeline import check_names, planned
from lightning_trt.storage import check_writable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytorch_lightning import LightningModule, Trainer

    from lightning_trt.replay import Scoring
    from lightning_trt.settings import ExportSettings

__all__ = ["check", "check_boundary"]

_SHARDED = {"FSDPStrategy", "DeepSpeedStrategy", "ModelParallelStrategy"}


def check(
    trainer: Trainer, module: LightningModule, *, settings: ExportSettings, scoring: Scoring | None, folder: Path
) -> None:
    """Nothing, where an export at the end of this fit is possible as far as one can see.

    Raises:
        SettingsError: A monitored metric that no ModelCheckpoint has, a limit on no metric, a sharded strategy.
        UnsupportedPrecisionError: The backend has no such arithmetic.
        BackendNotAvailableError: The asked backend cannot work here.
        NoSamplesError: The fit validates on nothing.
        ReplayError: The module has no `validation_step`, and no `scoring` stands in for it.
        MetricNotLoggedError: A metric is named that `scoring` does not have.
        StorageError: The folder of the results cannot be written.
    """
    planned(settings)
    _check_strategy(trainer)
    _check_validation(trainer, module, scoring)
    keeper = keeper_of(trainer, settings.monitor)
    monitor = None if keeper is None else keeper.monitor
    check_names(scoring, settings, monitor=monitor)
    _check_monitor(settings, monitor)
    if trainer.is_global_zero:
        check_writable(folder)


def check_boundary(module: LightningModule, names: Sequence[str]) -> None:
    """Nothing, where `module` has submodules of these names; only once it is configured does it have all of its own.

    Raises:
        BoundaryNotFoundError: It has not.
    """
    known = [name.replace("._orig_mod", "") for name, _ in module.named_modules()]
    for name in names:
        if name not in known:
            raise BoundaryNotFoundError(
                f"{type(module).__name__} has no submodule {name!r} to export. {nearest(name, filter(None, known))}"
            )


def _check_strategy(trainer: Trainer) -> None:
    names = {kind.__name__ for kind in type(trainer.strategy).__mro__}
    if names & _SHARDED:
        raise SettingsError(
            f"{type(trainer.strategy).__name__} shards the module over ranks, and an export needs it whole. "
            "Take TRTExportCallback out, consolidate the checkpoint after the fit, and call lightning_trt.export on "
            "it; or train with DDP or on one device."
        )


def _check_validation(trainer: Trainer, module: LightningModule, scoring: Scoring | None) -> None:
    if scoring is None and type(module).validation_step is _empty_step(module):
        raise ReplayError(
            f"{type(module).__name__} has no validation_step, and running it is how calibration and the accuracy drop "
            "are done. Write one that logs a metric, give metrics= and predict=, or take TRTExportCallback out."
        )
    if trainer.limit_val_batches == 0:
        raise NoSamplesError(
            "limit_val_batches=0: this fit validates on nothing, so there is nothing to calibrate and to measure on. "
            "Allow some batches, or take TRTExportCallback out."
        )


def _empty_step(module: LightningModule) -> object:
    owner = next(kind for kind in reversed(type(module).__mro__) if kind.__name__ == "LightningModule")
    return owner.__dict__.get("validation_step")


def _check_monitor(settings: ExportSettings, monitor: str | None) -> None:
    rules = settings.gate.all_rules if settings.gate else ()
    unnamed = [rule for rule in rules if rule.metric is None and not rule.limits_time]
    if unnamed and monitor is None:
        raise SettingsError(
            "gate has a limit without a metric, which means the monitored one, and no ModelCheckpoint of this Trainer "
            "monitors any. Write gate={'metric': 'val/acc', ...}, or ModelCheckpoint(monitor='val/acc', mode='max')."
        )
