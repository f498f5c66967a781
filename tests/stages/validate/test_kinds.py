"""Metrics as users have them: each gets a score of the candidate, and evidence of its own kind."""

from __future__ import annotations

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
from torchmetrics.classification import BinaryAUROC, MulticlassConfusionMatrix
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
    rounded,
)

from lightning_trt.artifacts import BatchMeans, Bootstrap, PairedBinary, Scores
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


def _validated(fit: Fit, module: Any) -> Scores:
    engines = {"int8": {"model": rounded(module.model, step=STEP)}}
    return validate(fit.subject(module), engines=engines, settings=SETTINGS, monitor=None)
