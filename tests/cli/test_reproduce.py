"""The command that makes a run again."""

from __future__ import annotations

import hashlib
import shlex
from typing import TYPE_CHECKING

from cli.runs import PASSES, a_run
from stages.gate.reports import candidate
from zoo.composing import settings_from

from lightning_trt.artifacts import CheckpointReport
from lightning_trt.cli import main
from lightning_trt.settings import CalibrationSettings, ExportSettings, GateSettings, plain

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SETTINGS = ExportSettings(
    precisions=("int8",),
    calibrators=("mse", "entropy2"),
    boundary=("model.net",),
    gate=GateSettings(rules=({"metric": "val/acc", "max_drop": 0.02},), alpha=0.05),
    calibration=CalibrationSettings(samples=64),
)


def the_run(folder: Path, **changes: object) -> Path:
    """A run of a checkpoint called as Lightning calls it."""
    checkpoint = folder / "epoch=3 val=0.9.ckpt"
    checkpoint.write_bytes(b"weights")
    about = CheckpointReport(
        path=str(checkpoint), sha256=hashlib.sha256(b"weights").hexdigest(), epoch=3, monitor="val/acc", score=0.9
    )
    changed = {"checkpoint": about, "settings": plain(SETTINGS), **changes}
    return a_run(folder / "run", candidate("int8", PASSES), **changed)


def test_the_command_makes_the_same_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is printed, a shell and Hydra read the run's own settings from it."""
    code = main(["reproduce", str(the_run(tmp_path))])

    command, name, path, *overrides = shlex.split(capsys.readouterr().out)
    assert (code, command, name, path) == (0, "lightning-trt", "export", str(tmp_path / "epoch=3 val=0.9.ckpt"))
    assert settings_from(*overrides) == SETTINGS


def test_what_the_command_was_told_is_told_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also what no report has: the classes."""
    run = the_run(tmp_path)
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "overrides.yaml").write_text("[checkpoint='x.ckpt', module._target_=train.Net]")

    main(["reproduce", str(run)])

    assert capsys.readouterr().out.endswith("val=0.9.ckpt' module._target_=train.Net\n")


def test_a_changed_checkpoint_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same command would make another run."""
    run = the_run(tmp_path)
    (tmp_path / "epoch=3 val=0.9.ckpt").write_bytes(b"others")

    main(["reproduce", str(run)])

    assert "is another file by now" in capsys.readouterr().err


def test_a_run_without_a_checkpoint_cannot_be_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence says what to do."""
    run = the_run(tmp_path, checkpoint=CheckpointReport(path=None, sha256=None, epoch=None, monitor=None, score=None))

    assert main(["reproduce", str(run)]) == 2
    assert "Save a checkpoint, and export that." in capsys.readouterr().err
