"""A fit of two ranks (gloo) exports what a fit of one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightning_trt import calibrators

ROOT = Path(__file__).parents[2]

FITS = '''
import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError
from torch.utils.data import DataLoader

from lightning_trt import TRTExportCallback
from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.precision import Precision
from lightning_trt.renderers.json import to_text
from zoo import CLASSES, Classifier, Images, quiet_trainer
from zoo.exporting import quick
from zoo.scored import predict

RANK = int(os.environ.get("LOCAL_RANK", "0"))
OPEN = OnnxRuntime.open


class Untrained(Classifier):
    """Has the same weights after any fit, and means of its own in the step, which all ranks would wait for."""

    def __init__(self):
        super().__init__()
        self.model[1].momentum = 0.0

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)

    def validation_step(self, batch, batch_idx):
        super().validation_step(batch, batch_idx)
        mean = MeanMetric()
        mean.update(batch[1].float())
        self.log("val/target", mean.compute(), sync_dist=True)


class Failing(Images):
    """Item 170 cannot be loaded once the fit is over: anywhere, or on rank one alone."""

    anywhere = True
    is_over = False

    def val_dataloader(self):
        return DataLoader(Items(self), batch_size=8)


class Items:
    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data.val)

    def __getitem__(self, index):
        if self.data.is_over and index == 170 and (self.data.anywhere or RANK == 1):
            raise OSError("unreadable")
        return self.data.val[index]


class Over(TRTExportCallback):
    def on_fit_end(self, trainer, module):
        trainer.datamodule.is_over = True
        super().on_fit_end(trainer, module)


def fitted(root, data, **settings):
    torch.manual_seed(0)
    wanted = quick(
        precisions=("fp32", "int8"), gate=None, dirpath=root / "trt", calibration={"samples": 150, "block_size": 16}
    )
    ours = Over(**{**wanted, "validation": {"resamples": 100, "bootstrap_seconds": 60.0}, **settings})
    trainer = quiet_trainer(root, callbacks=[ours], devices=DEVICES, strategy="ddp" if DEVICES > 1 else "auto")
    started = time.monotonic()
    said = {}
    try:
        trainer.fit(Untrained(), datamodule=data)
    except Exception as error:
        said["error"] = [type(error).__name__, str(error)]
    said["seconds"] = time.monotonic() - started
    if ours.report is not None:
        said |= {"report": json.loads(to_text(ours.report)), "path": str(ours.report.path)}
        said["initialized"] = dist.is_initialized()
    (root / f"rank-{RANK}.json").write_text(json.dumps(said))


def open_lame(backend, engine):
    """As ever, but on rank one the engines of int8 fail when they are called."""
    session = OPEN(backend, engine)
    if RANK == 1 and engine.precision is Precision.int8:
        session.__class__ = type("Session", (type(session),), {"__call__": fail})
    return session


def fail(*_):
    raise RuntimeError("out of memory, on this rank alone")


def more(name):
    """What the callback of a fit is given besides."""
    if name == "lame":
        return {"gate": {"rules": [{"metric": "val/acc", "min": 2.0}]}}
    if name == "scored":
        metrics = {"acc": MulticlassAccuracy(CLASSES, average="micro"), "ece": MulticlassCalibrationError(CLASSES)}
        return {"metrics": metrics, "predict": predict}
    return {"on_error": "raise"} if name == "anywhere" else {}


if __name__ == "__main__":
    torch.set_num_threads(1)
    DEVICES = int(sys.argv[1])
    for name in sys.argv[3:]:
        root = Path(sys.argv[2], name)
        root.mkdir(exist_ok=True)
        data = Images(num_samples=203) if name in ("good", "scored", "lame") else Failing(num_samples=203)
        data.anywhere = name != "alone"
        OnnxRuntime.open = open_lame if name == "lame" else OPEN
        fitted(root, data, **more(name))
'''


def ran(folder: Path, *, devices: int, fits: tuple[str, ...]) -> Path:
    """The folder in which those fits ended, a process for each of the devices."""
    folder.mkdir()
    script = folder / "fits.py"
    script.write_text(FITS, encoding="utf-8")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    run = subprocess.run(
        [sys.executable, str(script), str(devices), str(folder), *fits],
        cwd=folder,
        env={**os.environ, **threads, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return folder


def said(folder: Path, fit: str, rank: int = 0) -> dict[str, Any]:
    """How a fit ended on a rank."""
    read: dict[str, Any] = json.loads((folder / fit / f"rank-{rank}.json").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fits of one process."""
    return ran(tmp_path_factory.mktemp("ranks") / "one", devices=1, fits=("good", "scored", "lame", "anywhere"))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same fits of two, and one that fails on rank one alone."""
    fits = "good", "scored", "lame", "anywhere", "alone"
    return ran(tmp_path_factory.mktemp("ranks") / "two", devices=2, fits=fits)


def statistics(folder: Path, fit: str) -> tuple[str, list[object]]:
    """The key of a fit's statistics, and every number in them."""
    read = calibrators.load(Path(said(folder, fit)["path"]) / "statistics.npz")
    fields = ("count", "nans", "infs", "low", "high", "sample_lows", "sample_highs", "positive", "negative")
    numbers = [(name, [np.asarray(getattr(t, f)).tobytes() for f in fields]) for name, t in read.tensors.items()]
    return read.key, numbers


def scores(folder: Path, fit: str) -> list[object]:
    """Everything that the report says of data and metrics."""
    report = said(folder, fit)["report"]
    return [report["data"], report["reference"]["metrics"], [each["metrics"] for each in report["candidates"]]]


def helped(folder: Path, fit: str) -> list[str]:
    """Notes on ranks that did not do their part."""
    return [note for note in said(folder, fit)["report"].get("notes", []) if "rank" in note]


def test_two_ranks_see_the_statistics_of_one_bit_for_bit(one: Path, two: Path) -> None:
    """Half of the blocks ran on each."""
    assert statistics(two, "good") == statistics(one, "good")


@pytest.mark.parametrize("fit", ["good", "scored"])
def test_two_ranks_find_the_scores_and_intervals_of_one(one: Path, two: Path, fit: str) -> None:
    """Exactly, evidence included: with a metric in the step that would wait for the other rank, and with `metrics=`."""
    assert scores(two, fit) == scores(one, fit)


def test_metrics_that_are_given_are_those_of_the_report(two: Path) -> None:
    """Each with an interval: none of them was given up for being measured by two ranks."""
    metrics = said(two, "scored")["report"]["candidates"][1]["metrics"]

    assert {name: each["evidence"]["kind"] for name, each in metrics.items()} == {
        "acc": "paired-binary",
        "ece": "bootstrap",
    }


@pytest.mark.parametrize("fit", ["good", "scored"])
def test_every_rank_does_its_part(two: Path, fit: str) -> None:
    """Nothing was left for rank zero to make up for."""
    assert helped(two, fit) == []


def test_every_rank_ends_with_the_report_and_its_process_group(two: Path) -> None:
    """The same report; torch knows of the group again."""
    first, second = said(two, "good"), said(two, "good", rank=1)

    assert first["report"] == second["report"]
    assert (first["initialized"], second["initialized"]) == (True, True)


def test_an_error_in_a_part_is_that_of_one_process_on_every_rank(one: Path, two: Path) -> None:
    """An item of rank one's part: the same exception, in bounded time."""
    expected = said(one, "anywhere")["error"]

    assert [said(two, "anywhere", rank)["error"] for rank in (0, 1)] == [expected, expected]
    assert max(said(two, "anywhere", rank)["seconds"] for rank in (0, 1)) < 60


def test_what_fails_on_one_rank_alone_rank_zero_makes_up_for(one: Path, two: Path) -> None:
    """With the same numbers, and a note that says why."""
    assert (statistics(two, "alone"), scores(two, "alone")) == (statistics(one, "good"), scores(one, "good"))
    assert said(two, "alone")["report"] == said(two, "alone", rank=1)["report"]
    assert any("unreadable" in note for note in helped(two, "alone"))


def test_a_candidate_that_fails_on_one_rank_alone_costs_it_nothing(one: Path, two: Path) -> None:
    """Rank zero makes up for it: the scores are those of one process."""
    assert scores(two, "lame") == scores(one, "lame")


def test_every_rank_ends_with_the_same_verdict_and_exception(one: Path, two: Path) -> None:
    """That of the gate, which no accuracy passes."""
    first, second = said(two, "lame"), said(two, "lame", rank=1)

    assert (first["error"], first["report"]) == (second["error"], second["report"])
    assert (first["error"][0], first["report"]["verdict"]) == ("GateFailedError", "fail")
    assert first["report"]["gate"] == said(one, "lame")["report"]["gate"]


def test_nothing_of_the_ranks_is_left_in_the_folder(two: Path) -> None:
    """Their parts are gone."""
    assert not list(two.rglob("*-parts"))
