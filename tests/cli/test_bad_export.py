"""What cannot be exported, typed at a real `lightning-trt`: a sentence and the exit code that is promised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from zoo import Classifier, Images, fitted

ROOT = Path(__file__).parents[2]
CLASSES = ("module._target_=zoo.Classifier", "datamodule._target_=zoo.Images")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a fit without our callback, so that it names no classes."""
    trainer = fitted(Classifier(), Images(), tmp_path_factory.mktemp("fit"))
    return Path(trainer.checkpoint_callback.best_model_path)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        pytest.param(["calibrater=mse"], 2, "There is no 'calibrater'. Did you mean 'calibrator'?", id="no group"),
        pytest.param(["precision=int9"], 2, "Could not find 'precision/int9'", id="no choice"),
        pytest.param(["gate.max_dorp=1"], 2, "Key 'max_dorp' not in 'GateSettings'", id="no key"),
        pytest.param(
            ["precision=int8", "datamodule.num_samples=0"], 3, "NoSamplesError: ", id="int8 without calibration data"
        ),
        pytest.param(
            ["module._target_=zoo.Gone"], 3, "the module zoo.Gone cannot be imported", id="class that is gone"
        ),
    ],
)
def test_a_process_says_why_not(checkpoint: Path, tmp_path: Path, words: list[str], code: int, sentence: str) -> None:
    """On stderr."""
    run = subprocess.run(
        [sys.executable, "-m", "lightning_trt.cli", "export", str(checkpoint), *CLASSES, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, sentence in run.stderr, "Traceback" in run.stderr) == (code, True, False), run.stderr
