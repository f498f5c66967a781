"""A finished fit, and the scores of candidates that are spoilt in known ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zoo.scored import SpoiltNet, rounded

from lightning_trt.artifacts import Scores
from lightning_trt.replay import Subject, copy_of, subject_of_fit
from lightning_trt.settings import ValidationSettings
from lightning_trt.stages.validate import validate

if TYPE_CHECKING:
    import pytorch_lightning as pl

NUM_SAMPLES = 203
STEP = 0.2
SETTINGS = ValidationSettings(resamples=40, bootstrap_seconds=60)

Score = Callable[..., Scores]


@dataclass(frozen=True)
class Fit:
    """A finished fit, for other modules around the same net to be validated with its Trainer."""

    trainer: Any
    module: Any

    def subject(self, module: pl.LightningModule | None = None) -> Subject:
        """The fitted module, or another, on the validation data of the fit."""
        found = subject_of_fit(self.trainer, self.module, checkpoint=None)
        if module is None:
            return found
        return Subject.of(copy_of(module), trainer=self.trainer, combined=found.combined, remembered=None)


def classifier_scores(fit: Fit, *, monitor: str | None = "val/acc", **settings: Any) -> Scores:
    """Scores of the classifier with three candidates: rounded, without finite outputs, and broken."""
    engines = {
        "int8": {"model": rounded(fit.module.model, step=STEP)},
        "nan": {"model": SpoiltNet(float("nan"))},
        "broken": {"model": SpoiltNet(None)},
    }
    return validate(fit.subject(), engines=engines, settings=replace(SETTINGS, **settings), monitor=monitor)
