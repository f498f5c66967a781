"""What bash offers, asked as it asks: with the script that argcomplete prints for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASK = """
eval "$(register-python-argcomplete lightning-trt)"
COMP_LINE="lightning-trt $1" COMP_POINT=$((${#1} + 14)) COMP_TYPE=9
_python_argcomplete lightning-trt
printf '%s\\n' "${COMPREPLY[@]}"
"""

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash, which is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the command, a run, a folder that is none, and a checkpoint."""
    root = tmp_path_factory.mktemp("home")
    command = root / "bin" / "lightning-trt"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lightning_trt.cli "$@"\n')
    command.chmod(0o755)
    for name in ("engines/best-1f0c7a3e/report.json", "engines/old/notes.txt", "epoch=3-step=40.ckpt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def offered(folder: Path, line: str) -> list[str]:
    """What may follow `line`; a space behind the only answer is bash's, which goes on with the next word."""
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    run = subprocess.run(
        ["bash", "-c", ASK, "bash", line],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        pytest.param("ga", ["gate "], id="command"),
        pytest.param("gate --max-d", ["--max-drop", "--max-drop-relative"], id="option"),
        pytest.param("gate --on-inconclusive ", ["warn", "fail", "pass"], id="choice"),
        pytest.param("compare engines/", ["engines/best-1f0c7a3e", "engines/old/"], id="run"),
        pytest.param("gate --config epoch=3", ["3-step=40.ckpt "], id="file"),
        pytest.param("export e", ["engines/", "epoch=3-step=40.ckpt", "experiment="], id="checkpoint"),
        pytest.param("export x.ckpt precision=fp1", ["fp16 "], id="choice of a group"),
        pytest.param("export -m x.ckpt calibrator=mse,ent", ["mse,entropy", "mse,entropy2"], id="several choices"),
        pytest.param(
            "export x.ckpt calibration=quick gate.max", ["gate.max_drop=", "gate.max_drop_relative="], id="key"
        ),
        pytest.param("export x.ckpt swee", ["sweep.require="], id="only key of a node"),
        pytest.param("export x.ckpt --multi", ["--multirun "], id="option of Hydra's"),
    ],
)
def test_bash_offers(folder: Path, line: str, answers: list[str]) -> None:
    """No more and no less; of a word with `=` bash itself has what stands before it."""
    assert offered(folder, line) == answers
