"""From a checkpoint alone: the module and the DataModule that it belongs to, made again."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from lightning_trt.errors import CheckpointError, SettingsError
from lightning_trt.pipeline.entrances import export
from lightning_trt.replay import read_checkpoint, states_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torchmetrics import MetricCollection
    from typing_extensions import Unpack

    from lightning_trt.artifacts import Report
    from lightning_trt.replay import Predict
    from lightning_trt.settings import ExportOptions

__all__ = ["export_checkpoint"]

_TARGET = "_target_"
_BASES = {"module": "LightningModule", "datamodule": "LightningDataModule"}
_HYPERPARAMETERS = ("hyper_parameters", "datamodule_hyper_parameters")
_INSTANTIATORS = ("pytorch_lightning.cli.instantiate_module", "lightning.pytorch.cli.instantiate_module")


def export_checkpoint(
    checkpoint: Path | str,
    *,
    module: Mapping[str, Any] | None = None,
    datamodule: Mapping[str, Any] | None = None,
    trust: bool = False,
    metrics: Mapping[str, Any] | MetricCollection | None = None,
    predict: Predict | str | None = None,
    **options: Unpack[ExportOptions],
) -> Report:
    """The report on engines of `checkpoint`, whose module and DataModule are made again first.

    A checkpoint of a fit with `TRTExportCallback` names their classes, and holds what `save_hyperparameters` saved.

    Args:
        checkpoint: What Lightning wrote.
        module: Arguments of the LightningModule that the checkpoint does not hold, or holds otherwise; as `_target_`
            its class, where the checkpoint does not name it. An argument may be a mapping with a `_target_` itself.
        datamodule: The same for the LightningDataModule.
        trust: Load a checkpoint that holds more than weights and plain data, which runs code of whoever wrote it.
        metrics: What `export` takes, or mappings with a `_target_` for the Metrics; empty is none.
        predict: What `export` takes, or the import path of it.
        options: The fields of `ExportSettings`.

    Raises:
        CheckpointError: The checkpoint is absent, unreadable, does not fit, or belongs to a class that is not named or
            cannot be imported.
        LightningTRTError: What `export` raises.

    Example::

        report = lightning_trt.export_checkpoint("best.ckpt", precisions=("int8",), datamodule={"batch_size": 64})
    """
    scoring = {"metrics": _metrics(metrics), "predict": _function_at(predict)}
    saved = read_checkpoint(checkpoint, trust=trust)
    if not trust:
        _check_instantiator(saved, checkpoint)
    origin = _origin_of(states_of(saved))
    made = {
        part: _made(part, asked or {}, named=origin.get(part), checkpoint=checkpoint, trust=trust)
        for part, asked in {"module": module, "datamodule": datamodule}.items()
    }
    return export(made["module"], made["datamodule"], checkpoint=checkpoint, trust=trust, **scoring, **options)


def _metrics(asked: Mapping[str, Any] | MetricCollection | None) -> Any:  # noqa: ANN401 - what `export` checks
    if not isinstance(asked, Mapping):
        return asked
    try:
        return _instantiated(asked) or None
    except Exception as error:  # the metrics' own code may raise anything
        raise SettingsError(f"metrics could not be made: {error}") from error


def _function_at(predict: Predict | str | None) -> Any:  # noqa: ANN401 - as above
    if not isinstance(predict, str):
        return predict
    try:
        return resolve_name(predict)
    except Exception as error:  # importing runs the user's own code
        raise SettingsError(
            f"predict={predict} cannot be imported: {type(error).__name__}: {error}. Give the import path of a "
            "function of module and batch, and run the command where it can be imported, or set PYTHONPATH."
        ) from error


def _origin_of(callbacks: Mapping[str, Any]) -> Mapping[str, str]:
    """Import paths of module and DataModule, from what our callback wrote down."""
    states = (state for key, state in callbacks.items() if key.startswith("TRTExportCallback"))
    return next(states, {})


def _check_instantiator(saved: Mapping[str, Any], checkpoint: Path | str) -> None:
    """Raise where the checkpoint names a function that would be called to make the module again.

    LightningCLI writes one of its own; later versions of Lightning take no other, earlier ones any.
    """
    for name in _HYPERPARAMETERS:
        saved_with = saved.get(name)
        asked = saved_with.get("_instantiator") if isinstance(saved_with, Mapping) else None
        if asked is not None and asked not in _INSTANTIATORS:
            raise CheckpointError(
                f"{checkpoint} asks that {asked!r} makes its module again, which may be any function. If you trust "
                "whoever wrote it, say trust=True."
            )


def _check_named(kind: object, path: str, *, part: str) -> None:
    """Raise unless what a checkpoint names is a class of Lightning's: anything else that can be called would be."""
    if not (isinstance(kind, type) and any(base.__name__ == _BASES[part] for base in kind.__mro__)):
        raise CheckpointError(
            f"the checkpoint names {path} as its {part}, which is no {_BASES[part]}. Name the class yourself, if you "
            f"trust it: {part}._target_=package.Class."
        )


def _made(part: str, asked: Mapping[str, Any], *, named: str | None, checkpoint: Path | str, trust: bool) -> Any:  # noqa: ANN401 - of either package of Lightning
    """The module or the DataModule, with the arguments that the checkpoint holds and those that are asked for."""
    path = asked.get(_TARGET) or named
    if path is None:
        raise CheckpointError(
            f"{checkpoint} does not say which {part} it belongs to: it was written without TRTExportCallback, or "
            f"without a {part}. Name the class: {part}._target_=package.Class."
        )
    kind = _class_at(path, part=part)
    if _TARGET not in asked:
        _check_named(kind, path, part=part)
    try:
        arguments = _instantiated({name: value for name, value in asked.items() if name != _TARGET})
        return _remade(kind, arguments, checkpoint=checkpoint, trust=trust)
    except Exception as error:  # the user's own code may raise anything
        raise CheckpointError(
            f"{path} could not be made again: {type(error).__name__}: {error}. The checkpoint holds what its "
            f"save_hyperparameters saved; give what is missing: {part}.ARGUMENT=VALUE."
        ) from error


def _class_at(path: str, *, part: str) -> Callable[..., Any]:
    try:
        kind: Callable[..., Any] = resolve_name(path)
    except Exception as error:  # importing runs the user's own code
        raise CheckpointError(
            f"the {part} {path} cannot be imported: {type(error).__name__}: {error}. Run the command in the folder "
            "from which the training ran, or set PYTHONPATH; if the class has moved, name it: "
            f"{part}._target_=package.Class."
        ) from error
    return kind


def _remade(kind: Callable[..., Any], arguments: dict[str, Any], *, checkpoint: Path | str, trust: bool) -> Any:  # noqa: ANN401 - as above
    inspect.signature(kind).bind_partial(**arguments)  # Lightning would leave out what the class does not take
    loading = getattr(kind, "load_from_checkpoint", None)
    if loading is None:
        return kind(**arguments)
    known = inspect.signature(loading).parameters
    # Not strict: parts that the module makes in its hooks are missing yet, and `export` loads the weights again.
    further = {"strict": False, **({"weights_only": False} if trust else {})}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Found keys that are")
        return loading(
            checkpoint,
            map_location="cpu",
            **{key: value for key, value in further.items() if key in known},
            **arguments,
        )


def _instantiated(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, where mappings with a `_target_` are the objects that they describe."""
    # Hydra makes the objects; whoever trains with the callback alone need not wait for it.
    from hydra.utils import instantiate  # noqa: PLC0415 - see above

    made: dict[str, Any] = instantiate(dict(arguments), _convert_="all")
    return made
