"""The data that samples for calibration come from, and the validation data without them."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch.utils.data import ConcatDataset, Subset

from lightning_trt.batches import is_stream, positions, rebuilt, without
from lightning_trt.errors import DataError, NoSamplesError
from lightning_trt.notices import notice
from lightning_trt.replay.loaders import combined_of, requested
from lightning_trt.replay.package import package_of, part_of
from lightning_trt.settings import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.replay.subject import Subject

__all__ = ["loaders_of_split", "without_samples"]

_TRANSFORMS = ("transform", "transforms", "target_transform")


def loaders_of_split(subject: Subject, split: Split) -> tuple[Any, ...]:
    """The loaders that calibration takes its samples from.

    Training data comes under validation's transforms: its dataset is copied with the `transform`, `transforms` and
    `target_transform` of the validation dataset, and batches are put together by the validation loader. What a dataset
    does besides, and transforms that the validation dataset has no counterpart for, stay.

    Raises:
        NoSamplesError: There is no such data.
        DataError: The training data cannot be asked for item `k`, or comes from several loaders.
    """
    if split is Split.own:
        return _own(subject)
    if split is Split.train:
        return (_as_validated(_training_loader(subject), subject.loaders[0]),)
    return subject.loaders


def without_samples(subject: Subject, indices: Sequence[int]) -> Subject:
    """The subject, whose validation data lacks the items `indices`, counted through all loaders.

    Raises:
        DataError: A loader cannot be asked for item `k`, or makes batches of its own.
        NoSamplesError: No item would be left.
    """
    if subject.combined._mode != "sequential":
        raise DataError(
            f"validation.exclude_calibration_samples: the validation loaders are combined ({subject.combined._mode}), "
            "so that single items cannot be left out. Give them as a list, or calibrate on calibration.split=train."
        )
    combined: Any = copy.copy(subject.combined)
    combined.flattened = without(subject.loaders, indices)
    return replace(subject, combined=combined)


def _own(subject: Subject) -> tuple[Any, ...]:
    owners = [owner for owner in (subject.datamodule, subject.module) if hasattr(owner, "calibration_dataloader")]
    if not owners:
        raise NoSamplesError(
            "calibration.split is own, and neither the DataModule nor the module has a calibration_dataloader(). Write "
            "one that returns a loader, or take calibration.split=validate."
        )
    loaders: Any = owners[0]
    return tuple(combined_of(loaders.calibration_dataloader(), package=package_of(subject.trainer)).flattened)


def _training_loader(subject: Subject) -> Any:
    """The one loader of the training data; of a fit the one that it used."""
    trainer = subject.trainer
    loop = trainer.fit_loop
    if not loop._data_source.is_defined():
        raise NoSamplesError(
            "calibration.split is train, and there is no train_dataloader(). Give a DataModule that has one, or take "
            "calibration.split=validate."
        )
    if loop._combined_loader is None and trainer.datamodule is not None:
        # It was set up to validate alone.
        hooks = part_of(package_of(trainer), "trainer:call")
        hooks._call_lightning_datamodule_hook(
            trainer, "setup", stage=part_of(package_of(trainer), "trainer:states").TrainerFn.FITTING
        )
    loaders = requested(loop, package=package_of(trainer)).flattened
    if len(loaders) != 1 or is_stream(loaders[0]):
        what = f"{len(loaders)} loaders" if len(loaders) != 1 else "a stream"
        raise DataError(
            f"calibration.split is train, and the training data is {what}; it must be one loader over a dataset that "
            "gives item k. Write a calibration_dataloader() and take calibration.split=own."
        )
    return loaders[0]


def _as_validated(training: Any, validation: Any) -> Any:
    """A loader of the training items, as validation would show them."""
    keys = positions(training)
    model = training if is_stream(validation) else validation
    dataset = _transformed(training.dataset, _origin(getattr(validation, "dataset", None)))
    return rebuilt(model, Subset(dataset, keys), batch_size=model.batch_size or 1)


def _transformed(dataset: Any, validation: Any) -> Any:
    """A copy of the dataset with the transforms of `validation`, a dataset behind all subsets."""
    if dataset is validation:
        return dataset
    made = copy.copy(dataset)
    if isinstance(dataset, Subset):
        made.dataset = _transformed(dataset.dataset, validation)
        return made
    if isinstance(dataset, ConcatDataset):
        made.datasets = [_transformed(each, validation) for each in dataset.datasets]
        return made
    own = [name for name in _TRANSFORMS if getattr(dataset, name, None) is not None]
    for name in _TRANSFORMS:
        if hasattr(dataset, name) and hasattr(validation, name):
            setattr(made, name, getattr(validation, name))
    kept = [name for name in own if not hasattr(validation, name)]
    if kept:
        notice(
            f"calibration.split is train: {type(dataset).__name__}.{kept[0]} of the training data stays, because "
            f"{type(validation).__name__} of the validation data has none. If it augments, ranges are of augmented "
            "samples; write a calibration_dataloader() and take calibration.split=own.",
        )
    return made


def _origin(dataset: Any) -> Any:
    """The dataset behind subsets and joins of it."""
    while isinstance(dataset, Subset | ConcatDataset):
        dataset = dataset.dataset if isinstance(dataset, Subset) else dataset.datasets[0]
    return dataset
