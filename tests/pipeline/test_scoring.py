"""An export that is scored by metrics and a predict function of the caller's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from torchmetrics.classification import MulticlassAccuracy
from zoo import CLASSES, Classifier, Images, fitted
from zoo.exporting import exported, quick
from zoo.scored import Stepless, predict

import lightning_trt
from lightning_trt import Report, export
from lightning_trt.artifacts import PairedBinary, Verdict
from lightning_trt.errors import BoundaryNotFoundError, MetricNotLoggedError, ReplayError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def settings(root: Path, **options: Any) -> dict[str, Any]:
    """A quick export that is scored by an accuracy."""
    accuracy = {"acc": MulticlassAccuracy(CLASSES, average="micro")}
    gate = {"metric": "acc", "max_drop": 0.9}
    return quick(**{"metrics": accuracy, "predict": predict, "dirpath": root, "gate": gate, **options})


def refusal(root: Path, kind: type[Exception], **options: Any) -> str:
    """The sentence with which an export ends that has not begun to export."""
    with pytest.raises(kind) as refused:
        export(Classifier(), Images(), **settings(root, **options))
    assert not list(root.rglob("*.onnx"))
    return str(refused.value)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of an export, of int8 too."""
    return export(Classifier(), Images(), **settings(tmp_path_factory.mktemp("trt"), precisions=("fp32", "int8")))


def test_the_drop_is_measured_on_it_alone(report: Report) -> None:
    """What validation_step logs is not measured besides."""
    assert set(report.reference.metrics) == {"acc"}


def test_its_interval_is_that_of_its_items(report: Report) -> None:
    """As of a metric that is logged."""
    evidence = report.candidates["int8-minmax"].metrics["acc"].evidence

    assert isinstance(evidence, PairedBinary)
    assert evidence.n == 53


def test_the_gate_holds_it(report: Report) -> None:
    """By its name."""
    assert report.verdict is Verdict.passed


def test_the_report_says_what_scored(report: Report) -> None:
    """In a sentence, and by name."""
    assert any(note.startswith("scored by metrics= (acc) and predict=") for note in report.notes)
    assert report.settings["metrics"] == ["acc"]


@pytest.mark.filterwarnings("ignore:.*no `validation_step`", "ignore:.*could not find the monitored key")
def test_a_fit_without_a_validation_step(tmp_path: Path) -> None:
    """Is exported all the same, by the weights that it ended with."""
    _, report = exported(Stepless(), Images(), tmp_path, settings=settings(tmp_path))

    assert report.verdict is Verdict.passed


def test_a_checkpoint_and_import_paths(tmp_path: Path) -> None:
    """As the command line gives them."""
    path = fitted(Classifier(), Images(), tmp_path).checkpoint_callback.best_model_path
    metric = {"_target_": "torchmetrics.classification.MulticlassAccuracy", "num_classes": CLASSES, "average": "micro"}

    report = lightning_trt.export_checkpoint(
        path,
        module={"_target_": "zoo.Classifier"},
        datamodule={"_target_": "zoo.Images"},
        **settings(tmp_path / "trt", metrics={"acc": metric}, predict="zoo.scored.predict"),
    )

    assert set(report.reference.metrics) == {"acc"}


def test_metrics_that_are_not_there(tmp_path: Path) -> None:
    """Neither to report nor to gate."""
    assert "Did you mean 'acc'?" in refusal(tmp_path, MetricNotLoggedError, validation={"metrics": ("acb",)})
    assert "Known: acc" in refusal(tmp_path, MetricNotLoggedError, gate={"metric": "val/f1", "max_drop": 0.1})


def test_a_limit_without_a_metric(tmp_path: Path) -> None:
    """The monitored one is not among them, and none is guessed."""
    assert "'val/acc', the monitored one" in refusal(tmp_path, SettingsError, gate={"max_drop": 0.1}, monitor="val/acc")


def test_predict_that_gives_no_tuple(tmp_path: Path) -> None:
    """Found at the first batch."""
    sentence = refusal(tmp_path, ReplayError, predict=lambda module, batch: module(batch[0]))

    assert "expected a tuple" in sentence


def test_predict_that_calls_the_original(tmp_path: Path) -> None:
    """An engine could not stand in for it."""
    original = Classifier()

    sentence = refusal(tmp_path, BoundaryNotFoundError, predict=lambda _, batch: (original(batch[0]), batch[1]))

    assert sentence.startswith("predict called no submodule of the copy")
