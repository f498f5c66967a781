"""LightningCLI of either package, in a Python of its own: command line, YAML, help, and the config that it saves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEFORE = """
from lightning_trt import TRTExportCallback
from {package}.cli import LightningCLI
from {package} import LightningDataModule, LightningModule
from zoo.classifier import ClassifierSteps
from zoo.data import Images

class Net(ClassifierSteps, LightningModule):
    pass

class Data(LightningDataModule):
    prepare_data, setup = Images.prepare_data, Images.setup
    train_dataloader, val_dataloader, teardown = Images.train_dataloader, Images.val_dataloader, Images.teardown

    def __init__(self):
        super().__init__()
        self.num_samples, self.num_train, self.batch_size, self.noise, self.hooks = 53, 64, 8, 2.0, []

if __name__ == "__main__":
    LightningCLI(Net, Data)
"""
CALLBACK = (
    "--trainer.callbacks+=lightning_trt.TRTExportCallback",
    "--trainer.callbacks.precisions=[fp16,int8]",
    "--trainer.callbacks.gate.max_drop=0.5",
    "--trainer.callbacks.gate.metric=val/acc",
    "--trainer.callbacks.latency={batch_sizes: [1], warmup_seconds: 0.01, seconds: 0.01}",
)
TRAINER = ("--trainer.max_epochs=1", "--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false")


def said(folder: Path, package: str, *arguments: str) -> str:
    """What the script printed, where our callback was imported before Lightning was."""
    (folder / "train.py").write_text(BEFORE.format(package=package))
    run = subprocess.run(
        [sys.executable, "train.py", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return run.stdout


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_print_config_has_what_was_said(tmp_path: Path, package: str) -> None:
    """Also where the callback was imported first, and the package of the CLI after it."""
    printed = said(tmp_path, package, "fit", *CALLBACK, "--print_config")

    assert "- class_path: lightning_trt.TRTExportCallback" in printed
    assert "precisions:\n      - fp16\n      - int8\n" in printed


def test_help_is_from_the_docstrings(tmp_path: Path) -> None:
    """Each setting with what it means."""
    printed = said(tmp_path, "lightning.pytorch", "fit", "--trainer.callbacks.help=lightning_trt.TRTExportCallback")

    assert "Candidates to build: fp32, tf32, fp16, bf16, int8, fp8" in " ".join(printed.split())
    assert "Dotted name of the part of the module to export" in " ".join(printed.split())


def test_the_saved_config_reproduces_the_run(tmp_path: Path) -> None:
    """What Lightning writes beside the logs makes the same export again."""
    said(tmp_path, "lightning.pytorch", "fit", *CALLBACK, *TRAINER)
    (config,) = tmp_path.rglob("config.yaml")

    said(tmp_path, "lightning.pytorch", "fit", "--config", str(config))

    first, second = (json.loads(path.read_text()) for path in sorted(tmp_path.rglob("report.json")))
    assert first["settings"] == second["settings"]
    assert first["reference"]["metrics"] == second["reference"]["metrics"]
