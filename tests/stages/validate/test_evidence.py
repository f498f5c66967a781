"""Evidence of torchmetrics Metrics, against counting and resampling by hand."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import torch
from stages.validate.fits import NUM_SAMPLES, SETTINGS, Fit, Score
from torch import Tensor
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
)
from torchmetrics.classification import BinaryAccuracy, MulticlassAccuracy, MulticlassF1Score
from zoo import CLASSES
from zoo.scored import Scored, WithinOne, as_binary, as_both, as_loss, as_regression, multiclass, rounded

from lightning_trt.artifacts import Bootstrap, PairedBinary
from lightning_trt.inference import resampling_weights
from lightning_trt.settings import ValidationSettings
from lightning_trt.stages.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable

# torchmetrics' advice about metrics that keep all of their inputs is for the user.
pytestmark = pytest.mark.filterwarnings("ignore:.*will save all.*in.* buffer:UserWarning")

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


def test_turned_items_are_named(score: Score, logits: tuple[Tensor, Tensor, Tensor]) -> None:
    """Their places in the dataset, those first whose logits moved furthest."""
    reference, candidate, targets = logits
    turned = ((reference.argmax(1) == targets) & (candidate.argmax(1) != targets)).nonzero().flatten().tolist()
    moved = (reference.double() - candidate.double()).abs().amax(dim=1)

    flips = score(multiclass(Accuracy, average="micro")).metrics["val/score"].flips["int8"]

    assert [each.index for each in flips.worse_items] == sorted(turned, key=lambda i: -moved[i])[:20]
    assert [each.label for each in flips.worse_items] == [int(targets[each.index]) for each in flips.worse_items]


def test_turned_items_are_counted_by_class(score: Score, logits: tuple[Tensor, Tensor, Tensor]) -> None:
    """The classes together have all the pairs, and each as many items as the data."""
    *_, targets = logits
    metrics = score(multiclass(Accuracy, average="micro")).metrics["val/score"]
    evidence, by_class = metrics.evidence["int8"], metrics.flips["int8"].by_class

    assert isinstance(evidence, PairedBinary)
    assert (sum(e.worse for e in by_class), sum(e.better for e in by_class)) == (evidence.worse, evidence.better)
    assert all(each.n == int((targets == each.label).sum()) for each in by_class)


def test_steps_between_candidates_are_paired(fit: Fit) -> None:
    """A step from one candidate to another counts the items that turned between these two."""
    module = Scored(multiclass(Accuracy, average="micro"))
    module.model = fit.module.model
    nets = {name: rounded(module.model, step=step) for name, step in (("fp32", 0.1), ("int8", 0.2))}
    images, targets = fit.trainer.datamodule.val.tensors
    right = {name: net(images).argmax(1) == targets for name, net in nets.items()}

    scores = validate(
        fit.subject(module),
        engines={name: {"model": net} for name, net in nets.items()},
        settings=SETTINGS,
        monitor=None,
        steps=(("fp32", "int8"),),
    )

    assert scores.metrics["val/score"].between["fp32", "int8"] == PairedBinary(
        n=NUM_SAMPLES,
        worse=int((right["fp32"] & ~right["int8"]).sum()),
        better=int((~right["fp32"] & right["int8"]).sum()),
    )


def test_each_row_goes_the_way_of_its_batch(score: Score, logits: tuple[Tensor, Tensor, Tensor]) -> None:
    """A batch is taken for logits when any lies outside of [0, 1]; so is each of its rows, looked at alone."""
    *both, targets = logits
    rights = []
    for outputs in both:
        batches = as_binary(outputs, targets)[0].split(8)
        probabilities = [batch.sigmoid() if ((batch < 0) | (batch > 1)).any() else batch for batch in batches]
        rights.append((torch.cat(probabilities) > 0.5) == (targets == 0))
    right, still_right = rights

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


def test_nothing_is_resampled_where_too_little_changed(fit: Fit) -> None:
    """An engine that changes no item has the count as its evidence, and no resamples."""
    module = Scored(SpearmanCorrCoef(), shown=as_regression)
    module.model = fit.module.model
    engines = {"same": {"model": deepcopy(module.model).eval()}}

    scores = validate(fit.subject(module), engines=engines, settings=SETTINGS, monitor=None)

    evidence = scores.metrics["val/score"].evidence["same"]
    assert evidence == Bootstrap(unit="item", n=NUM_SAMPLES, changed=0, reference=(), candidate=(), is_additive=False)
