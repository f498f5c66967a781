"""A real sweep of the command: points that pass and fail, the table, and the same sweep again."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from zoo import Classifier, Images, fitted
from zoo.exporting import quick

from lightning_trt import TRTExportCallback
from lightning_trt.cli import main

if TYPE_CHECKING:
    from pathlib import Path

BRIEF = (
    "latency.batch_sizes=[1]",
    "latency.warmup_seconds=0.01",
    "latency.seconds=0.01",
    "calibration.samples=16",
    "gate.max_drop=0.9",
    "calibrator=minmax",
    "objective=trt/*/val/acc",
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A finished sweep of three points, of which one is impossible, and the words that made it."""
    root = tmp_path_factory.mktemp("sweep")
    trainer = fitted(Classifier(), Images(), root, callbacks=[TRTExportCallback(**quick(dirpath=root / "trt"))])
    checkpoint = trainer.checkpoint_callback.best_model_path
    words = ["export", "-m", checkpoint, "precision=fp16,int8,tf32", *BRIEF, f"hydra.sweep.dir={root / 'sweep'}"]
    before = os.getcwd()  # noqa: PTH109 - to go back to it
    os.chdir(root)
    try:
        assert main(words) == 0
    finally:
        os.chdir(before)
    return root / "sweep", words


def test_all_points_are_in_one_table(swept: tuple[Path, list[str]]) -> None:
    """Also the one that failed, with its sentence."""
    sweep, _ = swept

    read = json.loads((sweep / "leaderboard.json").read_text())

    assert {each["candidate"] for each in read["entries"]} == {"fp16", "int8-minmax"}
    (failure,) = read["failures"]
    assert (failure["point"], failure["overrides"]) == ("2", ["precision=tf32"])
    assert "tf32: onnxruntime has no tf32" in failure["why"]


def test_finished_points_are_not_run_again(swept: tuple[Path, list[str]], capfd: pytest.CaptureFixture[str]) -> None:
    """The same words into the same folder: only the point that failed is tried again; and all are required now."""
    sweep, words = swept
    written = {path: path.stat().st_mtime_ns for path in sweep.rglob("report.json")}

    code = main([*words, "sweep.require=all"])

    assert code == 1
    assert {path: path.stat().st_mtime_ns for path in sweep.rglob("report.json")} == written
    assert capfd.readouterr().out.count("Already there, not run again") == 2


def test_points_that_are_told_the_same_are_run_once(
    swept: tuple[Path, list[str]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An fp16 engine has no calibrator, whatever the sweep is over."""
    _, words = swept
    words = [word for word in words if not word.startswith(("precision=", "calibrator=", "hydra.sweep.dir="))]

    main([*words, "precision=fp16", "calibrator=minmax,mse", f"hydra.sweep.dir={tmp_path}"])

    assert capfd.readouterr().out.count("Already there, not run again") == 1
    assert len(list(tmp_path.rglob("report.json"))) == 1
    assert (tmp_path / "1" / "same_as.txt").read_text() == "0"


def test_another_sweep_does_not_overwrite_the_first(
    swept: tuple[Path, list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    """Its point fails with a sentence, and the report that is there stays."""
    sweep, words = swept
    other = [word.replace("fp16,int8,tf32", "fp32") for word in words]
    (before,) = (sweep / "0").rglob("report.json")
    text = before.read_text()

    main(other)

    assert "holds the results of another point, which stay" in capfd.readouterr().err
    assert before.read_text() == text
