"""The example in lightning-hydra-template's layout: one file of ours, and a sweep over what the engine scores."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "examples" / "hydra_template"
OPTIMIZED = "trt/int8-percentile/val/acc"
BRIEF = "callbacks.trt_export.latency={batch_sizes: [1], warmup_seconds: 0.01, seconds: 0.01}"

pytestmark = pytest.mark.skipif(find_spec("sklearn") is None, reason="needs sklearn, which is not installed")


def trained(folder: Path, *words: str) -> None:
    """Nothing; the example's training ran in `folder`, as somebody types it."""
    run = subprocess.run(
        [sys.executable, str(PROJECT / "src" / "train.py"), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-4000:]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished sweep over two widths."""
    root = tmp_path_factory.mktemp("sweep")
    trained(
        root, "-m", "callbacks=trt", "model.width=4,8", "trainer.max_epochs=2", f"optimized_metric={OPTIMIZED}", BRIEF
    )
    (folder,) = (root / "logs" / "train" / "multiruns").iterdir()
    return folder


def accuracy(job: Path) -> float:
    """What the report of a job says of its int8 engine."""
    (path,) = job.rglob("report.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    (engine,) = (each for each in report["candidates"] if each["name"] == "int8-percentile")
    value: float = engine["metrics"]["val/acc"]["value"]
    return value


@pytest.mark.parametrize("job", ["0", "1"])
def test_a_training_returns_what_its_engine_scored(sweep: Path, job: str) -> None:
    """To whatever sweeps, also where the best checkpoint is tested after the fit, which empties Lightning's metrics."""
    told = re.findall(rf"{OPTIMIZED} is (\S+)", (sweep / job / "train.log").read_text())

    assert told == [f"{accuracy(sweep / job):.4f}"]


def test_one_file_of_the_project_is_ours() -> None:
    """Whatever else is in it would be there without us."""
    named = [
        path for path in PROJECT.rglob("*.*") if path.suffix in {".py", ".yaml"} and "lightning_trt" in path.read_text()
    ]

    assert [path.relative_to(PROJECT).as_posix() for path in named] == ["configs/callbacks/trt.yaml"]


def test_the_callbacks_group_has_one_key_more(sweep: Path) -> None:
    """Beside the project's own, each with a `_target_`, as the template makes its callbacks."""
    callbacks = yaml.safe_load((sweep / "0" / ".hydra" / "config.yaml").read_text())["callbacks"]

    assert [(name, "_target_" in each) for name, each in callbacks.items()] == [
        ("model_checkpoint", True),
        ("trt_export", True),
    ]
