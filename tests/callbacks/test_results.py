"""Where results are found: callback_metrics, the report, the loggers, the files, the checkpoint."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from jsonschema import Draft202012Validator
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from zoo import Classifier, Images
from zoo.exporting import exported

import lightning_trt

if TYPE_CHECKING:
    from lightning_trt import Report

SCHEMA = Path(lightning_trt.__file__).parent / "renderers" / "report.schema.json"
NAMES = {
    f"trt/{candidate}/{what}"
    for candidate in ("fp32", "int8-minmax", "int8-percentile")
    for what in ("val/acc", "val/loss", "drop/val/acc", "drop/val/loss", "p50_ms")
}


@dataclass(frozen=True)
class Fit:
    """A finished fit whose loggers have really written."""

    trainer: Any
    report: Report

    @property
    def said(self) -> dict[str, float]:
        """What of ours is in callback_metrics."""
        return {name: float(v) for name, v in self.trainer.callback_metrics.items() if name.startswith("trt/")}


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """Three candidates, two loggers, and a folder that nobody named."""
    root = tmp_path_factory.mktemp("fit")
    trainer, report = exported(
        Classifier(),
        Images(),
        root,
        logger=[CSVLogger(root, name="csv"), TensorBoardLogger(root, name="board")],
        log_every_n_steps=1,
        settings={
            "precisions": ("fp32", "int8"),
            "calibrators": ("minmax", "percentile"),
            "dirpath": None,
        },
    )
    return Fit(trainer=trainer, report=report)


@pytest.fixture(scope="module")
def board(fit: Fit) -> EventAccumulator:
    """TensorBoard's files, read back."""
    return EventAccumulator(fit.trainer.loggers[1].log_dir).Reload()


def test_callback_metrics_hold_every_number_as_a_tensor(fit: Fit) -> None:
    """As a sweep or a test reads them."""
    assert set(fit.said) == NAMES
    assert all(isinstance(fit.trainer.callback_metrics[name], torch.Tensor) for name in NAMES)


def test_callback_metrics_are_the_reports(fit: Fit) -> None:
    """Value, drop and latency of a candidate."""
    candidate = fit.report.candidates["int8-percentile"]

    assert fit.said["trt/int8-percentile/val/acc"] == pytest.approx(candidate.metrics["val/acc"].value)
    assert fit.said["trt/int8-percentile/drop/val/acc"] == pytest.approx(candidate.metrics["val/acc"].drop)
    assert fit.said["trt/int8-percentile/p50_ms"] == pytest.approx(candidate.latency[0].p50_ms)


def test_without_a_dirpath_results_are_in_the_log_folder(fit: Fit) -> None:
    """In `trt` below the first logger's."""
    assert fit.report.path.parent == Path(fit.trainer.log_dir, "trt")


def test_every_file_is_there(fit: Fit) -> None:
    """The report twice, the graph, the statistics, and an engine with its manifest for every candidate."""
    run = {"model.onnx", "statistics.npz", "report.json", "report.md", "report.html", "junit.xml"}
    engines = {f"{name}/{file}" for name in fit.report.candidates for file in ("model.onnx", "manifest.json")}

    found = {path.relative_to(fit.report.path).as_posix() for path in fit.report.path.rglob("*") if path.is_file()}

    assert found >= run | engines


def test_the_written_report_follows_the_schema(fit: Fit) -> None:
    """Other programs read it."""
    written = json.loads((fit.report.path / "report.json").read_text(encoding="utf-8"))

    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(written)


def test_csv_holds_every_number(fit: Fit) -> None:
    """At the step that training ended with."""
    with Path(fit.trainer.loggers[0].log_dir, "metrics.csv").open(encoding="utf-8") as file:
        (row,) = [row for row in csv.DictReader(file) if row["trt/fp32/p50_ms"]]

    assert int(row["step"]) == fit.trainer.global_step
    assert {name: float(row[name]) for name in NAMES} == pytest.approx(fit.said, rel=1e-4)


def test_csv_holds_the_settings(fit: Fit) -> None:
    """Beside the user's own hyperparameters."""
    text = Path(fit.trainer.loggers[0].log_dir, "hparams.yaml").read_text(encoding="utf-8")

    assert "trt:" in text
    assert "calibrators" in text


def test_tensorboard_holds_every_number(fit: Fit, board: EventAccumulator) -> None:
    """As scalars."""
    written = {name: board.Scalars(name)[-1].value for name in NAMES}

    assert written == pytest.approx(fit.said, rel=1e-5)


def test_tensorboard_shows_the_report(board: EventAccumulator) -> None:
    """As text, since it has no tables."""
    (event,) = board.Tensors("trt/report/text_summary")

    assert "int8-percentile" in event.tensor_proto.string_val[0].decode()


def test_tensorboard_is_given_no_score_of_its_own(board: EventAccumulator) -> None:
    """Its `hp_metric`, which logging settings would write over the user's."""
    assert "hp_metric" not in board.Tags()["scalars"]


def test_the_checkpoint_loads_with_weights_only(fit: Fit) -> None:
    """The callback's state is of primitives, so that it costs nobody the safe way to load."""
    saved = torch.load(fit.trainer.checkpoint_callback.best_model_path, weights_only=True)
    (state,) = [state for key, state in saved["callbacks"].items() if key.startswith("TRTExportCallback")]

    assert state == {"module": "zoo.classifier.Classifier", "datamodule": "zoo.data.Images"}


def test_engines_give_what_the_module_gives(fit: Fit) -> None:
    """Of the best checkpoint: the chosen one, and one by its name."""
    module = Classifier()
    module.load_state_dict(torch.load(fit.trainer.checkpoint_callback.best_model_path)["state_dict"])
    images = torch.randn(5, 1, 8, 8)
    with torch.no_grad():
        expected = module.eval()(images)

    assert torch.allclose(lightning_trt.load(fit.report.path / "fp32")(images), expected, atol=1e-4)
    assert torch.allclose(lightning_trt.load(fit.report.path)(images), expected, atol=0.2)
