"""Evidence of plain logged scalars: the means of the batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy import stats
from stages.validate.fits import SETTINGS, STEP, Fit
from torch import Tensor, nn
from zoo.scored import Plain, rounded

from lightning_trt.artifacts import BatchMeans, Scores
from lightning_trt.stages.validate import validate


def plain_scores(fit: Fit, **options: Any) -> Scores:
    """Scores of a plain logged loss."""
    module = Plain(**options)
    module.model = fit.module.model
    engines = {"int8": {"model": rounded(module.model, step=STEP)}}
    return validate(fit.subject(module), engines=engines, settings=SETTINGS, monitor=None)


def test_plain_scalar_has_batch_means(fit: Fit) -> None:
    """The mean of the batches' drops is the drop of the logged values."""
    metrics = plain_scores(fit).metrics["val/plain"]

    evidence = metrics.evidence["int8"]
    assert isinstance(evidence, BatchMeans)
    assert evidence.n == 26
    assert evidence.mean == pytest.approx(metrics.reference - metrics.candidates["int8"], abs=1e-6)


def test_deviation_is_that_of_the_batches(fit: Fit, logits: tuple[Tensor, Tensor, Tensor]) -> None:
    """With batches of one weight it is the sample standard deviation of their drops."""
    reference, candidate, targets = logits
    losses = [nn.functional.cross_entropy(outputs, targets, reduction="none") for outputs in (reference, candidate)]
    drops = torch.stack([(before - after).mean() for before, after in zip(*(x.split(8) for x in losses), strict=True)])

    evidence = plain_scores(fit, batch_size=5).metrics["val/plain"].evidence["int8"]

    assert isinstance(evidence, BatchMeans)
    assert evidence.deviation == pytest.approx(drops.std().item(), rel=1e-4)


def test_skewness_is_that_of_the_batches(fit: Fit, logits: tuple[Tensor, Tensor, Tensor]) -> None:
    """With batches of one weight it is scipy's."""
    reference, candidate, targets = logits
    losses = [nn.functional.cross_entropy(outputs, targets, reduction="none") for outputs in (reference, candidate)]
    drops = torch.stack([(before - after).mean() for before, after in zip(*(x.split(8) for x in losses), strict=True)])

    evidence = plain_scores(fit, batch_size=5).metrics["val/plain"].evidence["int8"]

    assert isinstance(evidence, BatchMeans)
    assert evidence.skewness == pytest.approx(stats.skew(drops.numpy()), rel=1e-3)


@pytest.mark.parametrize("reduce_fx", ["max", "min", "sum"])
def test_scalar_that_is_not_a_mean_has_no_evidence(fit: Fit, reduce_fx: str) -> None:
    """Lightning's other reductions are scored, without an interval."""
    metrics = plain_scores(fit, reduce_fx=reduce_fx).metrics["val/plain"]

    assert f"reduces it by {reduce_fx}" in metrics.why_not["int8"]


@pytest.mark.parametrize("name", ["val/plain", "val/plain_epoch"])
def test_forked_names_have_the_same_evidence(fit: Fit, name: str) -> None:
    """A scalar logged on step and epoch stands under both of its names."""
    metrics = plain_scores(fit, on_step=True, on_epoch=True).metrics

    assert isinstance(metrics[name].evidence["int8"], BatchMeans)


def test_step_value_is_not_a_score(fit: Fit) -> None:
    """What is logged on the step only is no score of the epoch, as with Trainer.validate."""
    metrics = plain_scores(fit, on_step=True, on_epoch=False).metrics

    assert metrics == {}
