"""The example for CI, run as a workflow runs it, on real exports."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli.exported import export_good, export_small, export_spoilt, trained
from junitparser import JUnitXml

from lightning_trt.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "ci"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three exports of one model: as it should be, with int8 ranges that are too narrow, and on too few images."""
    root = tmp_path_factory.mktemp("runs")
    module = trained(root)
    return {
        "good": export_good(module, root / "good"),
        "spoilt": export_spoilt(module, root / "spoilt"),
        "small": export_small(module, root / "small"),
    }


def gated(run: Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the example's script did with `run`, called in `folder`."""
    command = folder / "bin" / "lightning-trt"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m lightning_trt.cli "$@"\n', encoding="utf-8")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    known = {key: value for key, value in os.environ.items() if key != "GITHUB_STEP_SUMMARY"}
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    root = str(EXAMPLE.parents[1])
    return subprocess.run(
        [str(EXAMPLE / "gate.sh"), str(run)],
        cwd=folder,
        env={**known, "PATH": path, "PYTHONPATH": root, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_good_model_passes(runs: dict[str, Path], tmp_path: Path) -> None:
    """fp16 and int8, both rules of each."""
    done = gated(runs["good"], tmp_path)

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Gate: pass."), done.stdout + done.stderr


def test_spoilt_int8_fails(runs: dict[str, Path], tmp_path: Path) -> None:
    """Exit code 1, and the annotation names metric, interval and limit."""
    done = gated(runs["spoilt"], tmp_path, GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))

    (annotation,) = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert done.returncode == 1
    assert "expected val/acc drop <= 0.0200, found +0." in annotation
    assert "[+0." in annotation
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("## lightning-trt gate: fail")


def test_small_validation_set_is_inconclusive(runs: dict[str, Path], tmp_path: Path) -> None:
    """It says how many samples would decide, and is skipped in JUnit."""
    done = gated(runs["small"], tmp_path)

    assert done.returncode == 0
    assert "samples would decide (40 were used)" in done.stdout
    assert JUnitXml.fromfile(str(tmp_path / "gate.xml")).skipped >= 1


def test_committed_baseline_is_used(runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one; a real report names its model."""
    monkeypatch.chdir(tmp_path)
    main(["baseline", "update", str(runs["good"])])

    done = gated(runs["good"], tmp_path)

    assert done.returncode == 0
    assert "Since the baseline" in done.stdout
