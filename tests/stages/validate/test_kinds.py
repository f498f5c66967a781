"""Metrics as users have them: each gets a score of the candidate, and evidence of its own kind."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from stages.validate.fits import SETTINGS, STEP, Fit, Score
from torchmetrics import (
    AUROC,
    Accuracy,
    AveragePrecision,
    F1Score,
    JaccardIndex,
    MeanAbsoluteError,
    R2Score,
    SpearmanCorrCoef,
)
from torchmetrics.classification import BinaryAUROC, MulticlassCalibrationError, MulticlassConfusionMatrix
from torchmetrics.text import Perplexity
from zoo import CLASSES
from zoo.scored import (
    Confused,
    Detecting,
    Plain,
    WithinOne,
    as_binary_shares,
    as_boxes,
    as_pixels,
    as_regression,
    as_tokens,
    multiclass,
    predict,
    rounded,
)

from lightning_trt.artifacts import BatchMeans, Bootstrap, PairedBinary, Scores
from lightning_trt.replay import Scoring, subject_of_fit
from lightning_trt.stages.validate import validate

if TYPE_CHECKING:
    from torch import Tensor

# torchmetrics' advice about metrics that keep all of their inputs is for the user.
pytestmark = pytest.mark.filterwarnings("ignore:.*will save all.*in.* buffer:UserWarning")

KINDS = {
    "micro accuracy": (lambda: multiclass(Accuracy, average="micro"), {}, PairedBinary, True),
    "macro accuracy": (lambda: multiclass(Accuracy, average="macro"), {}, Bootstrap, True),
    "F1": (lambda: multiclass(F1Score, average="macro"), {}, Bootstrap, True),
    "AUROC": (lambda: multiclass(AUROC), {}, Bootstrap, True),
    "AUROC of two classes": (BinaryAUROC, {"shown": as_binary_shares}, Bootstrap, True),
    "average precision": (lambda: multiclass(AveragePrecision), {}, Bootstrap, True),
    "Jaccard": (lambda: multiclass(JaccardIndex), {"shown": as_pixels}, Bootstrap, True),
    "MAE": (MeanAbsoluteError, {"shown": as_regression}, Bootstrap, False),
    "R2": (R2Score, {"shown": as_regression}, Bootstrap, True),
    "Spearman": (SpearmanCorrCoef, {"shown": as_regression}, Bootstrap, True),
    "perplexity": (Perplexity, {"shown": as_tokens}, Bootstrap, False),
    "a user's own": (WithinOne, {}, PairedBinary, True),
}


@pytest.mark.parametrize("name", KINDS)
def test_metric_has_evidence_by_item_and_a_direction(score: Score, name: str) -> None:
    """Whatever its states and its inputs are, items are its units, and it says itself which way is better."""
    make, how, kind, higher_is_better = KINDS[name]

    metrics = score(make(), **how).metrics["val/score"]

    evidence = metrics.evidence["int8"]
    assert isinstance(evidence, kind)
    assert (getattr(evidence, "unit", "item"), metrics.higher_is_better) == ("item", higher_is_better)


def test_plain_scalar_has_batch_means_and_no_direction(fit: Fit) -> None:
    """What validation_step computes itself and Lightning averages."""
    module = Plain()
    module.model = fit.module.model

    metrics = _validated(fit, module).metrics["val/plain"]

    assert isinstance(metrics.evidence["int8"], BatchMeans)
    assert metrics.higher_is_better is None


def test_ranking_of_two_classes_counts_the_rarer(score: Score, logits: tuple[Tensor, Tensor, Tensor]) -> None:
    """All logits moved, so it is as many as there are items of the rarer class."""
    *_, targets = logits

    evidence = score(BinaryAUROC(), shown=as_binary_shares).metrics["val/score"].evidence["int8"]

    assert isinstance(evidence, Bootstrap)
    assert (evidence.is_additive, evidence.changed_rarer) == (False, int((targets == 0).sum()))


def test_confusion_matrix_is_reported_and_has_no_direction(fit: Fit) -> None:
    """Its numbers are scores; nothing says which way is better, so that none of them is gated."""
    module = Confused(MulticlassConfusionMatrix(CLASSES), how="own")
    module.model = fit.module.model

    metrics = _validated(fit, module).metrics

    assert len(metrics) == CLASSES**2
    assert {each.higher_is_better for each in metrics.values()} == {None}


@pytest.mark.usefixtures("boxes_convert")
def test_average_precision_of_boxes_is_resampled_by_image(fit: Fit) -> None:
    """Boxes are made of the engine's output in validation_step; each of the metric's results is a score."""
    pytest.importorskip("faster_coco_eval")
    from torchmetrics.detection.mean_ap import MeanAveragePrecision  # noqa: PLC0415 - after torchvision's function

    module = Detecting(MeanAveragePrecision(backend="faster_coco_eval"), shown=as_boxes, how="own")
    module.model = fit.module.model

    metrics = _validated(fit, module).metrics["val/map"]

    evidence = metrics.evidence["int8"]
    assert isinstance(evidence, Bootstrap)
    assert (evidence.unit, evidence.is_additive, metrics.higher_is_better) == ("item", False, True)


@pytest.mark.usefixtures("boxes_convert")
def test_average_precision_of_boxes_may_be_given(fit: Fit) -> None:
    """Boxes are made by predict, outside of the engine; each number of the metric's mapping is a score by its key."""
    pytest.importorskip("faster_coco_eval")
    from torchmetrics.detection.mean_ap import MeanAveragePrecision  # noqa: PLC0415 - after torchvision's function

    boxes = MeanAveragePrecision(backend="faster_coco_eval")
    scoring = Scoring.of({"boxes": boxes}, lambda module, batch: as_boxes(module.model(batch[0]), batch[1]))

    metrics = _scored(fit, scoring, resamples=3, metrics=("boxes/map_50",)).metrics

    (name,), (metric,) = zip(*metrics.items(), strict=True)
    evidence = metric.evidence["int8"]
    assert isinstance(evidence, Bootstrap)
    assert (name, evidence.unit, metric.higher_is_better) == ("boxes/map_50", "item", True)


def test_given_metrics_have_the_evidence_of_logged_ones(fit: Fit, score: Score) -> None:
    """They are updated with the same, and computed at the same time."""
    kinds = {
        "micro": partial(multiclass, Accuracy, average="micro"),
        "calibration": partial(MulticlassCalibrationError, CLASSES),
    }
    scoring = Scoring.of({name: make() for name, make in kinds.items()}, predict)

    given = _scored(fit, scoring).metrics

    for name, make in kinds.items():
        logged = score(make()).metrics["val/score"]
        assert (given[name].candidates, given[name].evidence) == (logged.candidates, logged.evidence)


def test_a_metric_by_step_and_epoch_has_evidence_of_its_epoch(score: Score) -> None:
    """With its number in the bar: under both names that Lightning gives it."""
    how = {"on_step": True, "on_epoch": True, "prog_bar": True}

    forked = score(multiclass(Accuracy, average="micro"), **how).metrics

    plain = score(multiclass(Accuracy, average="micro")).metrics["val/score"]
    assert {name: each.evidence for name, each in forked.items()} == {
        "val/score": plain.evidence,
        "val/score_epoch": plain.evidence,
    }


def _scored(fit: Fit, scoring: Scoring | None, **settings: Any) -> Scores:
    subject = subject_of_fit(fit.trainer, fit.module, checkpoint=None, scoring=scoring)
    engines = {"int8": {"model": rounded(fit.module.model, step=STEP)}}
    return validate(subject, engines=engines, settings=replace(SETTINGS, **settings), monitor=None)


def _validated(fit: Fit, module: Any) -> Scores:
    engines = {"int8": {"model": rounded(module.model, step=STEP)}}
    return validate(fit.subject(module), engines=engines, settings=SETTINGS, monitor=None)
