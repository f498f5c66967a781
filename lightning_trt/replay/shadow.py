"""Shadow trainers: what a copy of the module sees as `self.trainer` while its validation is replayed.

A shadow is a shallow copy of the user's Trainer, so that everything the user's code may ask it answers; what
validation writes to is replaced: state, results, loop, callbacks, loggers. Its strategy knows one device and one
process, so that nothing in a step waits for other ranks. The names it touches are Lightning's private ones, the same
from 2.2 to 2.6.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from lightning_trt.replay.package import package_of, part_of

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule

    from lightning_trt.replay.subject import Subject

__all__ = ["shadow_of"]


def shadow_of(
    subject: Subject,
    module: LightningModule,
    *,
    folder: str,
    as_trained: bool = False,
    batches_per_loader: int | None = None,
) -> Any:
    """A Trainer for `module` that replays validation and leaves the user's alone; `module.trainer` is set to it.

    Args:
        subject: What is replayed.
        module: A copy of the subject's module.
        folder: Where loggers say that they save.
        as_trained: Under the precision plugin of the fit; else in plain float32.
        batches_per_loader: Stop each loader after so many; None leaves it to the Trainer's own limit.
    """
    trainer = subject.trainer
    shadow: Any = copy.copy(trainer)
    shadow._accelerator_connector = copy.copy(trainer._accelerator_connector)
    shadow._accelerator_connector.strategy = _strategy(trainer, module, as_trained=as_trained)
    _take_state(shadow, package_of(trainer))
    _take_data(shadow, subject, module)
    _silence(shadow, trainer, folder)
    if batches_per_loader is not None and not _is_below(trainer.limit_val_batches, batches_per_loader):
        shadow.limit_val_batches = batches_per_loader
    module.trainer = shadow
    module.to(shadow.strategy.root_device)
    return shadow


def _take_data(shadow: Any, subject: Subject, module: LightningModule) -> None:
    """A validation loop of its own over the subject's loaders, and the hooks that batches go through."""
    package = package_of(subject.trainer)
    shadow.validate_loop = _loop(shadow, subject.trainer, package, subject.combined)
    shadow.datamodule = _datamodule(subject, shadow)
    shadow._data_connector = copy.copy(subject.trainer._data_connector)
    shadow._data_connector.trainer = shadow
    selector = part_of(package, "trainer.connectors.data_connector:_DataHookSelector")
    shadow._data_connector._datahook_selector = selector(module, shadow.datamodule)


def _silence(shadow: Any, trainer: Any, folder: str) -> None:
    """Results of its own, no callback, quiet loggers, no profile and no checkpoint."""
    package = package_of(trainer)
    connector = part_of(package, "trainer.connectors.logger_connector.logger_connector:_LoggerConnector")
    shadow._logger_connector = connector(shadow)
    shadow.callbacks = []
    shadow.__class__ = _reading_callbacks_of(trainer)
    shadow.profiler = part_of(package, "profilers:PassThroughProfiler")()
    shadow._loggers = [_quiet_logger(package, folder) for _ in trainer.loggers]
    shadow.save_checkpoint = _save_nothing


def _reading_callbacks_of(trainer: Any) -> type:
    """The Trainer's class, which runs no callback and still shows checkpoints and early stopping to who asks."""
    names = ("checkpoint_callbacks", "early_stopping_callbacks")
    return type(type(trainer).__name__, (type(trainer),), {name: _always(getattr(trainer, name)) for name in names})


def _always(value: object) -> property:
    return property(lambda _self: value)


def _is_below(limit: float, count: int) -> bool:
    """Whether the Trainer's own limit, a number of batches or a share of them, asks for fewer for sure."""
    return limit == 0 or (isinstance(limit, int) and limit < count)


def _save_nothing(*_arguments: object, **_options: object) -> None:
    pass


def _take_state(shadow: Any, package: str) -> None:
    """Validating, as the user's code may ask: in `on_fit_end` the Trainer itself still says training."""
    states = part_of(package, "trainer:states")
    shadow.state = states.TrainerState(
        status=states.TrainerStatus.RUNNING,
        fn=states.TrainerFn.VALIDATING,
        stage=states.RunningStage.VALIDATING,
    )


def _loop(shadow: Any, trainer: Any, package: str, combined: object) -> Any:
    states = part_of(package, "trainer:states")
    loop = part_of(package, "loops.evaluation_loop:_EvaluationLoop")(
        shadow,
        states.TrainerFn.VALIDATING,
        states.RunningStage.VALIDATING,
        verbose=False,
        inference_mode=trainer.validate_loop.inference_mode,
    )
    loop._data_source.instance = copy.copy(combined)  # the loop sets its limits on it
    return loop


def _datamodule(subject: Subject, shadow: Any) -> Any:
    """A shallow copy of the DataModule, whose batch hooks ask its `trainer` too."""
    if subject.datamodule is None:
        return None
    made = copy.copy(subject.datamodule)
    made.trainer = shadow
    return made


def _strategy(trainer: Any, module: LightningModule, *, as_trained: bool) -> Any:
    """One device, one process; the optimizers are the user's, to be read."""
    package = package_of(trainer)
    theirs = trainer.strategy
    plugin = theirs.precision_plugin if as_trained else _plain_precision(package, theirs.precision_plugin)
    strategy = part_of(package, "strategies:SingleDeviceStrategy")(
        device=theirs.root_device, accelerator=theirs.accelerator, precision_plugin=plugin
    )
    strategy.connect(module)
    strategy._optimizers = list(theirs._optimizers)
    strategy._lightning_optimizers = list(theirs._lightning_optimizers)
    strategy.lr_scheduler_configs = list(theirs.lr_scheduler_configs)
    return strategy


def _plain_precision(package: str, trained: Any) -> Any:
    """Float32 without autocast; batches are cast where the fit's plugin cast them."""
    plugin = part_of(package, "plugins.precision:Precision")()
    if str(trained.precision).endswith("-true"):
        plugin.convert_input = _in_float32
    return plugin


def _in_float32(batch: object) -> object:
    return apply_to_collection(batch, Tensor, lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)


def _quiet_logger(package: str, folder: str) -> Any:
    """A logger that takes everything, says nothing, and has a folder."""
    dummy = part_of(package, "loggers.logger:DummyLogger")
    return type("QuietLogger", (dummy,), {name: _always(folder) for name in ("save_dir", "log_dir", "root_dir")})()
