"""Checkpoints of somebody else: plain data alone is read, and no function that they name is called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import torch
from zoo import Classifier

import lightning_trt
from lightning_trt.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path


def checkpoint(path: Path, **more: Any) -> Path:
    """A checkpoint of a Classifier, with what else somebody wrote into it."""
    torch.save({"state_dict": Classifier().state_dict(), "epoch": 0, "hyper_parameters": {}, **more}, path)
    return path


def refusal(path: Path) -> str:
    """Why it is not exported, as its own word is taken for module and data."""
    with pytest.raises(CheckpointError) as refused:
        lightning_trt.export_checkpoint(path)
    return str(refused.value)


@pytest.mark.parametrize("name", ["os:abort", "zoo:fitted", "torch.nn:Linear", "zoo:Images"])
def test_only_a_class_of_lightnings_is_called(tmp_path: Path, name: str) -> None:
    """Whatever else can be imported and called would be, without an argument."""
    origin = {"TRTExportCallback": {"module": name, "datamodule": "zoo:Images"}}

    assert "is no LightningModule" in refusal(checkpoint(tmp_path / "best.ckpt", callbacks=origin))


def test_no_function_makes_the_module_again(tmp_path: Path) -> None:
    """Versions of Lightning before 2.6.4 call any that the hyperparameters name."""
    origin = {"TRTExportCallback": {"module": "zoo:Classifier", "datamodule": "zoo:Images"}}
    asked = {"_instantiator": "os.system", "_class_path": "x"}

    sentence = refusal(checkpoint(tmp_path / "best.ckpt", callbacks=origin, hyper_parameters=asked))

    assert "'os.system' makes its module again" in sentence


class Payload:
    """What a pickle runs when it is loaded in full."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    """Without an explicit word."""
    path = checkpoint(tmp_path / "best.ckpt", callbacks=Payload(tmp_path / "ran"))

    assert "trust=True" in refusal(path)
    assert not (tmp_path / "ran").exists()


def test_code_in_a_checkpoint_runs_for_who_trusts_it(tmp_path: Path) -> None:
    """By the name of the switch; that the mounted payload ran shows that the file was read in full."""
    path = checkpoint(tmp_path / "best.ckpt", callbacks=Payload(tmp_path / "ran"))

    with pytest.raises(CheckpointError, match="does not say which module"):
        lightning_trt.export_checkpoint(path, trust=True)

    assert (tmp_path / "ran").exists()
