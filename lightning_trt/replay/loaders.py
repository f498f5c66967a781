"""The loaders of a Trainer, whole: without distributed samplers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from lightning_trt.batches import plain
from lightning_trt.errors import NoSamplesError
from lightning_trt.replay.package import package_of, part_of

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule, Trainer

__all__ = ["combined_of", "loaders_of", "requested"]

_NO_VALIDATION = (
    "There is nothing to validate {} on; at least one batch is needed to calibrate on and to measure a drop. Give a "
    "validation loader (or a DataModule that has one), and the module a validation_step or the export metrics= and "
    "predict=."
)


def loaders_of(trainer: Trainer, module: LightningModule, loop: Any) -> Any:
    """A CombinedLoader over the loaders of a validation loop, ours to iterate.

    Raises:
        NoSamplesError: There are none, validation is switched off, or the module has no validation_step.
    """
    package = package_of(trainer)
    if trainer.limit_val_batches == 0:
        raise NoSamplesError(
            "limit_val_batches is 0: this Trainer does not validate, so that no drop can be measured. Leave it at 1.0, "
            "or give a number of batches."
        )
    overridden = part_of(package, "utilities.model_helpers:is_overridden")
    if not overridden("validation_step", module) or not loop._data_source.is_defined():
        raise NoSamplesError(_NO_VALIDATION.format(type(module).__name__))
    return requested(loop, package=package)


def requested(loop: Any, *, package: str) -> Any:
    """A CombinedLoader over the loaders that a loop ran over, or would."""
    loaders = loop._combined_loader
    if loaders is None:  # it never ran
        loaders = part_of(package, "trainer.connectors.data_connector:_request_dataloader")(loop._data_source)
    return combined_of(loaders, package=package)


def combined_of(loaders: object, *, package: str) -> Any:
    """A CombinedLoader of the package over what a user may give as loaders."""
    kind = part_of(package, "utilities.combined_loader:CombinedLoader")
    made: Any = copy.copy(loaders) if isinstance(loaders, kind) else kind(loaders, "sequential")
    made._iterator = None
    made._limits = None
    made.flattened = [plain(loader) for loader in made.flattened]
    return made
