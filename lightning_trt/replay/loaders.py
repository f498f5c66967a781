"""The validation loaders of a Trainer, whole: without distributed samplers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from torch.utils.data import SequentialSampler
from torch.utils.data.distributed import DistributedSampler

from lightning_trt.errors import NoSamplesError
from lightning_trt.replay.package import package_of, part_of

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule, Trainer

__all__ = ["combined", "loaders_of_fit"]

NO_VALIDATION = (
    "This fit had no validation data; at least one batch is needed to calibrate on and to measure a drop. Give "
    "Trainer.fit a val_dataloader (or a DataModule that has one) and the module a validation_step."
)


def loaders_of_fit(trainer: Trainer, module: LightningModule) -> Any:
    """A CombinedLoader over the validation loaders of a fit, ours to iterate.

    Raises:
        NoSamplesError: There are none, or the module has no validation_step.
    """
    package = package_of(trainer)
    overridden = part_of(package, "utilities.model_helpers:is_overridden")
    source = trainer.fit_loop.epoch_loop.val_loop._data_source
    if not overridden("validation_step", module) or not source.is_defined():
        raise NoSamplesError(NO_VALIDATION)
    loaders = trainer.fit_loop.epoch_loop.val_loop._combined_loader
    if loaders is None:  # validation never came up in this fit
        loaders = part_of(package, "trainer.connectors.data_connector:_request_dataloader")(source)
    return combined(loaders, package=package)


def combined(loaders: object, *, package: str) -> Any:
    """A CombinedLoader of the package over what a user may give as validation loaders."""
    kind = part_of(package, "utilities.combined_loader:CombinedLoader")
    made: Any = copy.copy(loaders) if isinstance(loaders, kind) else kind(loaders, "sequential")
    made._iterator = None
    made._limits = None
    made.flattened = [_whole(loader, package=package) for loader in made.flattened]
    return made


def _whole(loader: object, *, package: str) -> object:
    """The loader over all its items, where it was over this rank's share."""
    sampler = getattr(loader, "sampler", None)
    if not isinstance(sampler, DistributedSampler):
        return loader
    # Lightning wraps a sampler of the user's in order to share it out.
    data: Any = sampler.dataset
    inner = getattr(data, "_sampler", None) or SequentialSampler(data)
    mode = part_of(package, "trainer:states").RunningStage.VALIDATING
    return part_of(package, "utilities.data:_update_dataloader")(loader, inner, mode=mode)
