"""A checkpoint in shards, as FSDP leaves it: refused with Lightning's command that makes one file of it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.distributed import checkpoint as shards
from zoo import Classifier, Images, fitted

ROOT = Path(__file__).parents[2]
CLASSES = ("module._target_=zoo.Classifier", "datamodule._target_=zoo.Images")
BRIEF = ("precision=fp32", "latency.batch_sizes=[1]", "latency.seconds=0.01", "latency.warmup_seconds=0.01")

pytestmark = pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # as it is told to be


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What FSDPStrategy(state_dict_type="sharded") writes: that class itself wants GPUs."""
    root = tmp_path_factory.mktemp("fit")
    trainer = fitted(Classifier(), Images(), root)
    saved = torch.load(trainer.checkpoint_callback.best_model_path, weights_only=True)
    states = {f"optimizer_{place}": state for place, state in enumerate(saved.pop("optimizer_states"))}
    folder = root / "epoch=0-step=8.ckpt"
    shards.save({"model": saved.pop("state_dict"), **states}, checkpoint_id=folder, no_dist=True)
    torch.save(saved, folder / "meta.pt")
    return folder


def ran(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_lightnings_own_command_leads_from_shards_to_an_export(sharded: Path) -> None:
    """The refusal has the command, and what that writes is exported."""
    refused = ran(sharded.parent, "-m", "lightning_trt.cli", "export", sharded.name, *CLASSES)
    (command,) = re.findall(r"`python (.*?)`", refused.stderr)

    consolidated = ran(sharded.parent, *shlex.split(command))
    exported = ran(
        sharded.parent, "-m", "lightning_trt.cli", "export", f"{sharded.name}.consolidated", *CLASSES, *BRIEF
    )

    assert (refused.returncode, consolidated.returncode) == (3, 0), consolidated.stderr
    assert exported.returncode == 0, exported.stderr
