"""The station on a real Trainer, with real metrics, and a rounded model in the place of an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torchmetrics import (
    AUROC,
    Accuracy,
    F1Score,
    MaxMetric,
    MeanAbsoluteError,
    MeanMetric,
    Metric,
    MetricCollection,
    MinMaxMetric,
    PearsonCorrCoef,
    R2Score,
    SpearmanCorrCoef,
    SumMetric,
)
from torchmetrics.classification import BinaryAccuracy, MulticlassAccuracy, MulticlassF1Score

from lightning_trt.artifacts import BatchMeans, Bootstrap, PairedBinary, Scores
from lightning_trt.errors import MetricNotLoggedError
from lightning_trt.replay import Subject, copy_of, subject_of_fit
from lightning_trt.settings import ValidationSettings
from lightning_trt.stages.validate import validate
from zoo import CLASSES, Classifier, Images, fitted
from zoo.scored import Scored, rounded

if TYPE_CHECKING:
    from pathlib import Path

# torchmetrics' advice about metrics that keep all of their inputs is for the user.
pytestmark = pytest.mark.filterwarnings("ignore:.*will save all.*in.* buffer:UserWarning")

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
        found = subject_of_fit(self.trainer, self.module, checkpoint=None)
        return found if module is None else Subject.of(copy_of(module), trainer=self.trainer, combined=found.combined)


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """A classifier after a fit of two epochs."""
    module = Classifier()
    data = Images(num_samples=NUM_SAMPLES, noise=3.0)
    return Fit(fitted(module, data, tmp_path_factory.mktemp("fit"), max_epochs=2), module)


@pytest.fixture(scope="module")
def score(fit: Fit) -> Score:
    """Scores of a metric logged by `Scored` around the fitted net, with a rounded net as the candidate `int8`."""

    def scored(metric: Any, *, settings: ValidationSettings = SETTINGS, monitor: str | None = None, **how: Any) -> Scores:
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


def as_regression(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The first logit as a prediction of the class number."""
    return logits[:, 0], targets.float()


def as_binary(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The first logit as the logit of the first class."""
    return logits[:, 0], (targets == 0).long()


def as_both(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Both halves of what a siamese net would give, in one update of twice the rows."""
    return torch.cat([logits, -logits]), torch.cat([targets, targets])


def as_loss(logits: Tensor, targets: Tensor) -> tuple[Tensor, int]:
    """The mean loss of the batch with its size as its weight."""
    return nn.functional.cross_entropy(logits, targets), len(targets)


class WithinOne(Metric):
    """A user's own metric: share of predictions at most one class off."""

    higher_is_better = True

    def __init__(self) -> None:
        super().__init__()
        self.add_state("near", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("seen", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor) -> None:
        self.near += ((logits.argmax(dim=1) - targets).abs() <= 1).sum()
        self.seen += len(targets)

    def compute(self) -> Tensor:
        return self.near / self.seen


def multiclass(kind: Any, **options: Any) -> Metric:
    """A multiclass metric of torchmetrics."""
    made: Metric = kind(task="multiclass", num_classes=CLASSES, **options)
    return made


METRICS: dict[str, tuple[Callable[[], Metric], Any]] = {
    "macro accuracy": (lambda: multiclass(Accuracy, average="macro"), None),
    "macro F1": (lambda: multiclass(F1Score, average="macro"), None),
    "AUROC": (lambda: multiclass(AUROC), None),
    "R2": (R2Score, as_regression),
    "MAE": (MeanAbsoluteError, as_regression),
    "Spearman": (SpearmanCorrCoef, as_regression),
    "Pearson": (PearsonCorrCoef, as_regression),
}


@pytest.mark.parametrize("name", METRICS)
def test_bootstrap_is_over_items(score: Score, name: str) -> None:
    """A metric whose inputs have a row for each item is resampled by item."""
    make, shown = METRICS[name]

    evidence = score(make(), **({"shown": shown} if shown else {})).metrics["val/score"].evidence["int8"]

    assert isinstance(evidence, Bootstrap)
    assert (evidence.unit, evidence.n, len(evidence.candidate)) == ("item", NUM_SAMPLES, SETTINGS.resamples)


@pytest.mark.parametrize("name", METRICS)
def test_bootstrap_equals_updating_on_resampled_items(
    score: Score, logits: tuple[Tensor, Tensor, Tensor], name: str
) -> None:
    """Each resampled value is what the metric gives when it is updated with the items that were drawn."""
    from lightning_trt.inference import resampling_weights

    make, shown = METRICS[name]
    reference, candidate, targets = logits
    repeats = torch.from_numpy(next(iter(resampling_weights(NUM_SAMPLES, resamples=3, seed=0))))
    expected = []
    for outputs, times in product((reference, candidate), repeats):
        metric = make()
        inputs = outputs.repeat_interleave(times, dim=0), targets.repeat_interleave(times)
        metric.update(*(shown(*inputs) if shown else inputs))
        expected.append(metric.compute().item())

    evidence = score(make(), **({"shown": shown} if shown else {})).metrics["val/score"].evidence["int8"]

    assert isinstance(evidence, Bootstrap)
    assert [*evidence.reference[:3], *evidence.candidate[:3]] == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("how", ["object", "forward", "epoch"])
def test_accuracy_counts_turned_items(score: Score, logits: tuple[Tensor, Tensor, Tensor], how: str) -> None:
    """The pairs of micro accuracy are those counted by hand, however it is logged."""
    reference, candidate, targets = logits
    right, still_right = reference.argmax(1) == targets, candidate.argmax(1) == targets

    evidence = score(multiclass(Accuracy, average="micro"), how=how).metrics["val/score"].evidence["int8"]

    assert evidence == PairedBinary(
        n=NUM_SAMPLES, worse=int((right & ~still_right).sum()), better=int((~right & still_right).sum())
    )


def test_binary_accuracy_of_logits_counts_turned_items(score: Score, logits: tuple[Tensor, Tensor, Tensor]) -> None:
    """A logit within [0, 1] is still a logit when its row is looked at alone."""
    reference, candidate, targets = logits
    right, still_right = ((outputs[:, 0] > 0) == (targets == 0) for outputs in (reference, candidate))

    evidence = score(BinaryAccuracy(), shown=as_binary).metrics["val/score"].evidence["int8"]

    assert evidence == PairedBinary(
        n=NUM_SAMPLES, worse=int((right & ~still_right).sum()), better=int((~right & still_right).sum())
    )


def test_users_own_metric_counts_turned_items(score: Score) -> None:
    """A metric that torchmetrics does not know is served as well."""
    metrics = score(WithinOne()).metrics["val/score"]

    assert isinstance(metrics.evidence["int8"], PairedBinary)


def test_mean_over_items_is_told(score: Score) -> None:
    """A bootstrap says where the metric is the mean of one value per item."""
    evidence = score(MeanAbsoluteError(), shown=as_regression).metrics["val/score"].evidence["int8"]

    assert isinstance(evidence, Bootstrap)
    assert evidence.is_mean


def test_changed_counts_items_that_turned(score: Score, logits: tuple[Tensor, Tensor, Tensor]) -> None:
    """An item whose prediction stays the same has not changed, although its logits have."""
    reference, candidate, _ = logits

    evidence = score(multiclass(F1Score, average="macro")).metrics["val/score"].evidence["int8"]

    assert isinstance(evidence, Bootstrap)
    assert evidence.changed == int((reference.argmax(1) != candidate.argmax(1)).sum())


def test_collection_gives_evidence_for_each_metric(score: Score) -> None:
    """Metrics that share their states in a compute group all have evidence."""
    collection = MetricCollection(
        {"val/acc": MulticlassAccuracy(CLASSES, average="micro"), "val/f1": MulticlassF1Score(CLASSES, average="micro")}
    )

    metrics = score(collection).metrics

    assert metrics["val/acc"].evidence == metrics["val/f1"].evidence


@pytest.mark.parametrize("shown", [as_both, as_loss], ids=["twice the rows", "no rows"])
def test_inputs_that_have_no_row_for_each_item_fall_to_batches(score: Score, shown: Any) -> None:
    """What cannot be split by item is resampled by batch, and a note says why."""
    metric = MeanMetric() if shown is as_loss else multiclass(Accuracy, average="micro")

    scores = score(metric, shown=shown)

    evidence = scores.metrics["val/score"].evidence["int8"]
    assert isinstance(evidence, Bootstrap)
    assert (evidence.unit, evidence.n) == ("batch", 26)
    assert any("val/score: resampled by batch, because" in note for note in scores.notes)


def test_maximum_has_no_evidence(score: Score) -> None:
    """A resample says nothing of a maximum, and the reason is told."""
    metrics = score(MaxMetric(), shown=lambda logits, _: (logits,)).metrics["val/score"]

    assert "largest or smallest" in metrics.why_not["int8"]


def test_value_of_a_wrapper_has_no_evidence(score: Score) -> None:
    """What a wrapper made of another metric is not taken for that metric."""
    metrics = score(MinMaxMetric(multiclass(Accuracy)), how="epoch").metrics["max"]

    assert "no update of its own" in metrics.why_not["int8"]


def test_same_seed_gives_same_evidence(score: Score) -> None:
    """Two runs agree in every resampled number."""
    first, second = (score(R2Score(), shown=as_regression) for _ in range(2))

    assert first.metrics == second.metrics


def test_other_seed_gives_other_resamples(score: Score) -> None:
    """The seed decides which resamples are drawn."""
    first = score(R2Score(), shown=as_regression)
    second = score(R2Score(), shown=as_regression, settings=replace(SETTINGS, seed=1))

    assert first.metrics["val/score"].evidence != second.metrics["val/score"].evidence


def test_bootstrap_stops_in_time(score: Score) -> None:
    """Where there is time for few resamples only, both sides have these."""
    hurried = ValidationSettings(resamples=10**6, bootstrap_seconds=1)

    evidence = score(SpearmanCorrCoef(), shown=as_regression, settings=hurried).metrics["val/score"].evidence["int8"]

    assert isinstance(evidence, Bootstrap)
    assert 0 < len(evidence.reference) == len(evidence.candidate) < 10**5


class Plain(Classifier):
    """Logs scalars as plain tensors, with `options` of `self.log`."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:  # noqa: ARG002
        images, targets = batch
        self.log("val/plain", nn.functional.cross_entropy(self(images), targets), **self.options)


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
