"""One fit, and scores of any metric around its net."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from stages.validate.fits import NUM_SAMPLES, SETTINGS, STEP, Fit, Score
from torch import Tensor
from zoo import Classifier, Images, fitted
from zoo.scored import Scored, rounded

from lightning_trt.stages.validate import validate

if TYPE_CHECKING:
    from lightning_trt.artifacts import Scores
    from lightning_trt.settings import ValidationSettings


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """A classifier after a fit of two epochs."""
    torch.manual_seed(0)
    module = Classifier()
    data = Images(num_samples=NUM_SAMPLES, noise=3.0)
    return Fit(fitted(module, data, tmp_path_factory.mktemp("fit"), max_epochs=2), module)


@pytest.fixture(scope="module")
def score(fit: Fit) -> Score:
    """Scores of a metric logged by `Scored` around the fitted net, with a rounded net as the candidate `int8`."""

    def scored(
        metric: Any, *, settings: ValidationSettings = SETTINGS, monitor: str | None = None, **how: Any
    ) -> Scores:
        module = Scored(metric, **how)
        module.model = fit.module.model
        engines = {"int8": {"model": rounded(module.model, step=STEP)}}
        return validate(fit.subject(module), engines=engines, settings=settings, monitor=monitor)

    return scored


@pytest.fixture(scope="module")
def logits(fit: Fit) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the reference and of the candidate for the whole validation set, and its classes."""
    images, targets = fit.trainer.datamodule.val.tensors
    model = fit.module.model.eval()
    with torch.no_grad():
        return model(images), rounded(model, step=STEP)(images), targets
