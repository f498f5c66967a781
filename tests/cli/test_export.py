"""The command over a finished checkpoint, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from zoo import Classifier, Images, fitted
from zoo.exporting import quick

from lightning_trt import TRTExportCallback
from lightning_trt.cli import main

BRIEF = (
    "latency.batch_sizes=[1]",
    "latency.warmup_seconds=0.01",
    "latency.seconds=0.01",
    "calibration.samples=16",
    "gate.max_drop=0.9",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written by a fit with our callback, which does not export in it, under a name that is no word of Hydra's."""
    root = tmp_path_factory.mktemp("fit")
    ours = TRTExportCallback(**quick(dirpath=root / "trt"))
    trainer = fitted(Classifier(), Images(), root, callbacks=[ours])
    named = root / "epoch=3-step=40-val" / "acc=0.9.ckpt"
    named.parent.mkdir()
    Path(trainer.checkpoint_callback.best_model_path).rename(named)
    return named


@pytest.fixture(scope="module")
def bare(checkpoint: Path) -> Path:
    """The same without what callbacks wrote down."""
    saved = torch.load(checkpoint, weights_only=False)
    path = checkpoint.with_name("bare.ckpt")
    torch.save({**saved, "callbacks": {}}, path)
    return path


def the_report(folder: Path) -> dict[str, Any]:
    """The one report below `folder`."""
    (path,) = folder.rglob("report.json")
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def test_a_checkpoint_of_our_callback_is_enough(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names module, DataModule and metric, and its own name may hold what Hydra's grammar does not."""
    monkeypatch.chdir(tmp_path)

    code = main(["export", str(checkpoint), "precision=int8", "calibrator=mse", *BRIEF])

    report = the_report(tmp_path)
    assert code == 0
    assert [each["name"] for each in report["candidates"]] == ["int8-mse"]
    assert (report["checkpoint"]["monitor"], report["verdict"]) == ("val/acc", "pass")
    assert report["checkpoint"]["score"] == pytest.approx(report["reference"]["metrics"]["val/acc"], abs=1e-6)


def test_metrics_of_the_callers_own(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their class and its arguments, with the import path of a function."""
    monkeypatch.chdir(tmp_path)
    words = ("_target_=torchmetrics.classification.MulticlassAccuracy", "num_classes=4", "average=micro")

    code = main(
        [
            *("export", str(checkpoint), "precision=fp32", *BRIEF, "gate.metric=acc"),
            *(f"metrics.acc.{word}" for word in words),
            "predict=zoo.scored.predict",
        ]
    )

    assert code == 0
    assert set(the_report(tmp_path)["reference"]["metrics"]) == {"acc"}


def test_classes_are_named_where_the_checkpoint_names_none(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With their arguments."""
    monkeypatch.chdir(tmp_path)
    named = ["module._target_=zoo.Classifier", "datamodule._target_=zoo.Images", "datamodule.num_samples=31"]

    code = main(["export", str(bare), "precision=fp32", *named, "monitor=val/acc", *BRIEF])

    assert code == 0
    assert the_report(tmp_path)["data"]["samples"] == 31


@pytest.mark.parametrize(
    ("name", "config"),
    [
        pytest.param("config.yaml", "{model: {class_path: zoo.Classifier, init_args: {width: 8}}, ", id="LightningCLI"),
        pytest.param(".hydra/config.yaml", "{w: 8, model: {_target_: zoo.Classifier, width: '${w}'}, ", id="Hydra"),
    ],
)
def test_a_trainings_own_config_names_the_classes(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, config: str
) -> None:
    """By --config-dir."""
    monkeypatch.chdir(tmp_path)
    key = "class_path" if "class_path" in config else "_target_"
    (tmp_path / "run" / name).parent.mkdir(parents=True)
    (tmp_path / "run" / name).write_text(f"{config}data: {{{key}: zoo.Images}}, trainer: {{}}}}")

    code = main(["export", "--config-dir", "run", str(bare), "precision=fp32", "monitor=val/acc", *BRIEF])

    assert code == 0
    assert the_report(tmp_path)["verdict"] == "pass"


def test_a_failed_gate_is_exit_code_1(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After everything is written."""
    monkeypatch.chdir(tmp_path)

    code = main(["export", str(checkpoint), "precision=fp32", *BRIEF[:-1], "+gate.rules=[{min_speedup: 1e9}]"])

    assert (code, the_report(tmp_path)["verdict"]) == (1, "fail")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        pytest.param(
            ["{}", "predict=zoo.scored.predct"], 2, "predict=zoo.scored.predct cannot be imported", id="no function"
        ),
        pytest.param(["{}", "predict=zoo.scored.predict"], 2, "predict is given and metrics is not", id="no metrics"),
        pytest.param([], 2, "no checkpoint was given. Write `lightning-trt export CHECKPOINT`", id="nothing"),
        pytest.param(["{}", "precison=int8"], 2, "Could not override 'precison'", id="unknown key"),
        pytest.param(["{}", "precision=int9"], 2, "Could not find 'precision/int9'", id="unknown choice"),
        pytest.param(["{}", "calibration.samples=x"], 2, "could not be converted to Integer", id="wrong type"),
        pytest.param(["{}", "calibrators.mse=false"], 2, "need a calibrator", id="no calibrator"),
        pytest.param(["gone.ckpt"], 3, "CheckpointError: There is no checkpoint at", id="no file"),
        pytest.param(["{}", "module._target_=zoo.Gone"], 3, "the module zoo.Gone cannot be imported", id="class gone"),
        pytest.param(["{}", "module.wdith=3"], 3, "zoo.classifier.Classifier could not be made again", id="argument"),
        pytest.param(["{}", "precision=tf32"], 3, "The backend onnxruntime gives here", id="impossible"),
        pytest.param(["{}", "backend=tensorrt"], 4, "BackendNotAvailableError", id="no TensorRT"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_a_code(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    sentence: str,
) -> None:
    """Of 2 for usage, 3 for what failed, 4 for what is missing on this machine."""
    monkeypatch.chdir(tmp_path)

    found = main(["export", *(word.format(checkpoint) for word in words)])

    said = capfd.readouterr().err
    assert (found, sentence in said, "Traceback" in said) == (code, True, False)


def test_a_checkpoint_without_classes_says_how_to_name_them(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The override to write."""
    monkeypatch.chdir(tmp_path)

    code = main(["export", str(bare), "datamodule._target_=zoo.Images"])

    assert code == 3
    assert "Name the class: module._target_=package.Class." in capfd.readouterr().err


def test_help_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    """Examples, groups, keys and exit codes; nothing is run."""
    code = main(["export", "--help"])

    said = capsys.readouterr().out
    assert code == 0
    assert said.startswith("lightning-trt export CHECKPOINT")
    assert "calibrator: entropy, entropy2, legacy, mean_minmax, minmax, mse, percentile" in said
    assert max(map(len, said.splitlines())) <= 80
