"""The station on a real Trainer, with a rounded model in the place of an engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from stages.validate.fits import NUM_SAMPLES, SETTINGS, Fit, Score, classifier_scores
from torchmetrics import Accuracy
from zoo import Classifier, Images, fitted
from zoo.scored import OneMetricALoader, Siamese, TwoLoaders, multiclass

from lightning_trt.artifacts import BatchMeans, Bootstrap, PairedBinary, Scores
from lightning_trt.errors import MetricNotLoggedError
from lightning_trt.stages.validate import validate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def classified(fit: Fit) -> Scores:
    """Scores of the classifier as it was fitted."""
    return classifier_scores(fit)


def test_reference_equals_what_lightning_logged(fit: Fit, classified: Scores) -> None:
    """The reference has the scores that the Trainer itself came to at the end of the fit."""
    logged = {name: value.item() for name, value in fit.trainer.callback_metrics.items()}

    assert {name: scores.reference for name, scores in classified.metrics.items()} == pytest.approx(logged, abs=1e-6)


def test_candidate_that_raises_is_left_out(classified: Scores) -> None:
    """Its failure is told, and the others finish."""
    assert classified.failures == {"broken": "RuntimeError: the engine is broken"}
    assert classified.metrics["val/acc"].candidates.keys() == {"int8", "nan"}


def test_value_that_is_not_finite_has_no_evidence(classified: Scores) -> None:
    """A loss of NaN is a score, and has no interval."""
    assert classified.metrics["val/loss"].why_not["nan"] == "its value is nan"


def test_direction_comes_from_the_metric(classified: Scores) -> None:
    """An Accuracy says itself that higher is better."""
    assert classified.metrics["val/acc"].higher_is_better is True


def test_loss_has_no_direction(classified: Scores) -> None:
    """A scalar that nobody monitors could be anything."""
    assert classified.metrics["val/loss"].higher_is_better is None


def test_direction_comes_from_the_checkpoints_mode(tmp_path: Path) -> None:
    """A monitored loss is better where the ModelCheckpoint says so."""
    module = Classifier()
    trainer = fitted(module, Images(), tmp_path, monitor="val/loss", mode="min")

    scores = classifier_scores(Fit(trainer, module), monitor="val/loss")

    assert scores.metrics["val/loss"].higher_is_better is False


@pytest.mark.parametrize(("name", "expected"), [("val/acc", True), ("val/loss", False)])
def test_unit_interval_is_known_of_accuracy(classified: Scores, name: str, expected: bool) -> None:  # noqa: FBT001
    """The default limit may only hold for a metric that is known to lie in [0, 1]."""
    assert classified.metrics[name].in_unit_interval is expected


def test_samples_are_told(classified: Scores) -> None:
    """Their number and their places in the dataset stand in the scores."""
    assert (classified.samples, classified.indices) == (NUM_SAMPLES, tuple(range(NUM_SAMPLES)))


def test_same_samples_have_the_same_digest(fit: Fit, classified: Scores) -> None:
    """Another pass over the same data knows it again."""
    assert classifier_scores(fit).digest == classified.digest


def test_deterministic_validation_needs_no_note(classified: Scores) -> None:
    """The replay came to the score of the best checkpoint, so there is nothing to say."""
    assert not any("was the score" in note for note in classified.notes)


def test_other_score_than_the_checkpoints_is_noted(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both numbers are told where the replay does not give the score the checkpoint was chosen by."""
    monkeypatch.setattr(fit.trainer.checkpoint_callback, "best_model_score", torch.tensor(0.125))

    notes = classifier_scores(fit).notes

    assert any("when replayed, and 0.125 was the score" in note for note in notes)


def test_monitor_that_validation_does_not_log_is_noted(fit: Fit) -> None:
    """What a callback logs is not replayed, and the scores say so."""
    notes = classifier_scores(fit, monitor="callback/score").notes

    assert any("callback/score is monitored and was not logged" in note for note in notes)


def test_only_asked_metrics_and_the_monitored_are_reported(fit: Fit) -> None:
    """The gate needs the monitored metric, whatever else is asked for."""
    assert list(classifier_scores(fit, metrics=("val/acc",), monitor=None).metrics) == ["val/acc"]


def test_metric_never_logged_is_an_error_after_the_first_batch(fit: Fit) -> None:
    """Nothing but the first batch is needed to see it, and the nearest name is told."""
    seen: list[int] = []
    settings = replace(SETTINGS, metrics=("val/accu",))

    with pytest.raises(MetricNotLoggedError, match=r"'val/accu'.*Did you mean 'val/acc'"):
        validate(fit.subject(), engines={}, settings=settings, monitor=None, advance=seen.append)

    assert seen == []


def test_metric_may_be_logged_at_the_end(score: Score) -> None:
    """A module with a hook at the end of the epoch is given the time to log there."""
    settings = replace(SETTINGS, metrics=("val/score",))

    assert "val/score" in score(multiclass(Accuracy), how="epoch", settings=settings).metrics


def test_metric_never_logged_by_the_end_is_an_error(score: Score) -> None:
    """Where the first batch cannot tell, the whole pass does."""
    with pytest.raises(MetricNotLoggedError, match="val/absent"):
        score(multiclass(Accuracy), how="epoch", settings=replace(SETTINGS, metrics=("val/absent",)))


def test_precision_of_the_fit_is_noted(tmp_path: Path) -> None:
    """Under mixed precision both scores stand in the notes."""
    module = Classifier()
    trainer = fitted(module, Images(), tmp_path, precision="bf16-mixed")

    scores = classifier_scores(Fit(trainer, module))

    assert any(note.startswith("val/loss is") and "under bf16-mixed as trained" in note for note in scores.notes)


@pytest.fixture(scope="module")
def two_loaders(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """Scores of a module that validates on two loaders."""
    module = OneMetricALoader()
    options: dict[str, Any] = {"monitor": "val/acc/dataloader_idx_1"}
    trainer = fitted(module, TwoLoaders(), tmp_path_factory.mktemp("two"), **options)
    return classifier_scores(Fit(trainer, module), monitor="val/acc/dataloader_idx_1")


@pytest.mark.parametrize("idx", [0, 1])
def test_each_loader_has_its_own_items(two_loaders: Scores, idx: int) -> None:
    """A metric of one loader counts that loader's items, not those of all."""
    evidence = two_loaders.metrics[f"val/acc/dataloader_idx_{idx}"].evidence["int8"]

    assert isinstance(evidence, PairedBinary)
    assert evidence.n == 53


@pytest.mark.parametrize(("idx", "num_batches"), [(0, 7), (1, 11)])
def test_each_loader_has_its_own_batches(two_loaders: Scores, idx: int, num_batches: int) -> None:
    """A scalar of one loader has that loader's batch means."""
    evidence = two_loaders.metrics[f"val/loss/dataloader_idx_{idx}"].evidence["int8"]

    assert isinstance(evidence, BatchMeans)
    assert evidence.n == num_batches


def test_two_updates_of_an_item_are_one_unit(tmp_path: Path) -> None:
    """An item that is seen twice in a step is drawn as one, and its two values are one mean."""
    module = Siamese()
    trainer = fitted(module, Images(), tmp_path)

    evidence = classifier_scores(Fit(trainer, module)).metrics["val/acc"].evidence["int8"]

    assert isinstance(evidence, Bootstrap)
    assert (evidence.n, evidence.is_mean) == (53, True)
