"""Finding the subject: after a fit, or from a module and its data."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lightning_trt.errors import ReplayError
from lightning_trt.replay.checkpoints import load
from lightning_trt.replay.copying import copy_of
from lightning_trt.replay.loaders import loaders_of
from lightning_trt.replay.package import package_of, part_of
from lightning_trt.replay.random_state import random_state_kept
from lightning_trt.replay.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytorch_lightning import LightningModule, Trainer

    from lightning_trt.replay.checkpoints import Remembered
    from lightning_trt.replay.scoring import Scoring

__all__ = ["subject_of_fit", "subject_of_module"]


def subject_of_fit(
    trainer: Trainer, module: LightningModule, *, checkpoint: Path | str | None, scoring: Scoring | None = None
) -> Subject:
    """The subject of a finished fit: a copy of its module with the weights of `checkpoint`, and its validation data.

    `checkpoint` None takes the module's own weights. A checkpoint is unpickled without restrictions: only give one
    that this very fit wrote. With `scoring`, that validates in the place of the module's own validation_step.

    Raises:
        CheckpointError: It is absent, sharded, or does not fit the module.
        NoSamplesError: The fit had no validation.
    """
    made = copy_of(module)
    remembered = None if checkpoint is None else load(made, checkpoint, trust=True)
    return _subject(trainer, made, trainer.fit_loop.epoch_loop.val_loop, remembered=remembered, scoring=scoring)


@contextmanager
def subject_of_module(
    module: LightningModule,
    data: object,
    *,
    checkpoint: Path | str | None = None,
    trust: bool = False,
    accelerator: str = "auto",
    scoring: Scoring | None = None,
) -> Iterator[Subject]:
    """The subject of a module without a fit, under a quiet Trainer of its own Lightning package.

    With a checkpoint, a copy of the module goes through `setup("validate")` and `configure_model` before it is loaded,
    as in `Trainer.validate`; without one the module is taken as it is. A DataModule goes through `prepare_data`,
    `setup("validate")`, and at the end `teardown("validate")`.

    Args:
        module: The module; it is copied.
        data: A LightningDataModule, or the validation loader or loaders.
        checkpoint: Where the weights are; None takes the module's own.
        trust: Whether the checkpoint may run code when it is read.
        accelerator: Where to compute, as the Trainer knows it.
        scoring: What validates in the place of the module's own validation_step.

    Raises:
        CheckpointError: It is absent, sharded, needs `trust`, or does not fit the module.
        NoSamplesError: The data has no validation loader, or the module no `validation_step`.
        ReplayError: Module and DataModule are of the two different packages of Lightning.
    """
    trainer = _quiet_trainer(package_of(module), accelerator)
    made = copy_of(module)
    with _attached(trainer, made, data), random_state_kept():
        remembered = None
        if checkpoint is not None:
            _set_up(trainer)
            remembered = load(made, checkpoint, trust=trust)
        yield _subject(trainer, made, trainer.validate_loop, remembered=remembered, scoring=scoring)


def _subject(
    trainer: Any, made: LightningModule, loop: object, *, remembered: Remembered | None, scoring: Scoring | None
) -> Subject:
    """The subject around a copy with its weights, over the loaders of `loop`."""
    if scoring is not None:
        made = scoring.applied_to(made)
    combined = loaders_of(trainer, made, loop)
    return Subject.of(made, trainer=trainer, combined=combined, remembered=remembered, scoring=scoring)


def _set_up(trainer: Any) -> None:
    """Let the module make the parts that it makes in its hooks."""
    hooks = part_of(package_of(trainer), "trainer:call")
    hooks._call_lightning_module_hook(trainer, "setup", stage=trainer.state.fn)
    hooks._call_configure_model(trainer)


def _quiet_trainer(package: str, accelerator: str) -> Any:
    with _no_information():
        trainer = part_of(package, "trainer:Trainer")(
            accelerator=accelerator,
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    states = part_of(package, "trainer:states")
    trainer.state.fn = states.TrainerFn.VALIDATING
    trainer.state.stage = states.RunningStage.VALIDATING
    return trainer


@contextmanager
def _no_information() -> Iterator[None]:
    """Without log lines below a warning: what devices there are was not asked."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.INFO))
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _attached(trainer: Any, module: LightningModule, data: object) -> Iterator[None]:
    """With data that is prepared and set up for `trainer` to validate on; a DataModule is torn down afterwards."""
    package = package_of(module)
    if isinstance(data, type):
        raise ReplayError(f"the data is the class {data.__name__}; give an object of it, e.g. {data.__name__}().")
    is_datamodule = isinstance(data, part_of(package, "core.datamodule:LightningDataModule"))
    if not is_datamodule and hasattr(data, "val_dataloader"):
        raise ReplayError(
            f"{type(data).__name__} is no LightningDataModule of {package}, which {type(module).__name__} belongs to. "
            "Take both from one package, lightning.pytorch or pytorch_lightning."
        )
    before = getattr(data, "trainer", None)
    given = {"datamodule": data} if is_datamodule else {"val_dataloaders": data}
    trainer.strategy.connect(module)
    trainer.strategy.setup_environment()
    trainer._data_connector.attach_data(module, **given)
    hooks = part_of(package, "trainer:call")
    try:
        trainer._data_connector.prepare_data()
        if is_datamodule:
            hooks._call_lightning_datamodule_hook(trainer, "setup", stage=trainer.state.fn)
        yield
    finally:
        if is_datamodule:
            hooks._call_lightning_datamodule_hook(trainer, "teardown", stage=trainer.state.fn)
            trainer.datamodule.trainer = before
