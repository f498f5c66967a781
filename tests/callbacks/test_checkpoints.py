"""Which checkpoint is exported, and what the report says where that is no matter of course."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from zoo import Classifier, Images, quiet_trainer
from zoo.exporting import exported, quick
from zoo.manners import Forgetful

from lightning_trt import TRTExportCallback
from lightning_trt.callbacks.checkpoints import best_of
from lightning_trt.errors import CheckpointError

if TYPE_CHECKING:
    from lightning_trt import Report


# A second fit, and one that goes on, find the first one's checkpoints: Lightning says so, and it is meant so here.
pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


@dataclass(frozen=True)
class Fit:
    """A finished fit with two of our callbacks and two ModelCheckpoints."""

    trainer: Any
    first: Report
    second: Report


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """The first callback follows the Trainer's first ModelCheckpoint, the second the one that it names."""
    root = tmp_path_factory.mktemp("fit")
    keepers = [
        ModelCheckpoint(dirpath=root / "acc", monitor="val/acc", mode="max"),
        ModelCheckpoint(dirpath=root / "loss", monitor="val/loss", mode="max"),
    ]
    ours = [
        TRTExportCallback(**quick(dirpath=root / "trt")),
        TRTExportCallback(**quick(dirpath=root / "trt", monitor="val/loss")),
    ]
    torch.manual_seed(0)
    trainer = quiet_trainer(root, callbacks=ours, keepers=keepers, max_epochs=2)
    trainer.fit(Forgetful(), datamodule=Images())
    first, second = (each.report for each in ours)
    assert first is not None
    assert second is not None
    return Fit(trainer=trainer, first=first, second=second)


def test_the_best_checkpoint_is_exported(fit: Fit) -> None:
    """Not the weights that training ended with: its epoch, and the score that its ModelCheckpoint kept."""
    keeper = fit.trainer.checkpoint_callbacks[0]

    assert (fit.first.checkpoint.path, fit.first.checkpoint.epoch) == (keeper.best_model_path, 0)
    assert fit.first.reference.metrics["val/acc"] == pytest.approx(float(keeper.best_model_score), abs=1e-6)


def test_monitor_picks_among_two_model_checkpoints(fit: Fit) -> None:
    """Of two, the one that monitors the named metric is followed: here the epoch that was best at being bad."""
    keeper = fit.trainer.checkpoint_callbacks[1]

    assert (fit.second.checkpoint.path, fit.second.checkpoint.monitor) == (keeper.best_model_path, "val/loss")
    assert fit.second.reference.metrics["val/loss"] == pytest.approx(float(keeper.best_model_score), abs=1e-6)


def test_a_second_model_checkpoint_is_named(fit: Fit) -> None:
    """Who did not say which one reads that there are others."""
    (note,) = [note for note in fit.first.notes if "ModelCheckpoint" in note]

    assert "the first ModelCheckpoint (val/acc) was followed; others monitor val/loss" in note


def test_two_callbacks_write_to_two_folders(fit: Fit) -> None:
    """With one `dirpath` the second has a folder beside it."""
    assert (fit.first.path.parent.name, fit.second.path.parent.name) == ("trt", "trt-2")
    assert all((each.path / "report.json").is_file() for each in (fit.first, fit.second))


def test_a_checkpoint_that_is_gone_is_named(fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says whose file it was, and what else can be exported."""
    monkeypatch.setattr(fit.trainer.checkpoint_callbacks[0], "best_model_path", str(tmp_path / "gone.ckpt"))

    with pytest.raises(CheckpointError, match=r"gone\.ckpt is gone.*lightning_trt\.export"):
        best_of(fit.trainer, None)


def test_without_a_model_checkpoint_the_last_weights_are_exported(tmp_path: Path) -> None:
    """The report says so, and the folder is named after the weights."""
    _, report = exported(Classifier(), Images(), tmp_path, keepers=[], enable_checkpointing=False)

    assert report.checkpoint.path is None
    assert report.path.name.startswith("weights-")
    assert "the Trainer has no ModelCheckpoint: the weights that training ended with were exported" in report.notes


def test_a_model_checkpoint_that_monitors_nothing_is_followed(tmp_path: Path) -> None:
    """Its best is its last, and the report says so."""
    trainer, report = exported(Classifier(), Images(), tmp_path, monitor=None, mode="min")

    assert report.checkpoint.path == trainer.checkpoint_callback.best_model_path
    assert any("monitors nothing" in note for note in report.notes)


def test_where_no_checkpoint_was_kept_the_last_weights_are_exported(tmp_path: Path) -> None:
    """`save_top_k=0` keeps none, and what it monitors is still the metric of the gate."""
    keeper = ModelCheckpoint(dirpath=tmp_path, monitor="val/acc", save_top_k=0)

    _, report = exported(Classifier(), Images(), tmp_path, keepers=[keeper])

    assert (report.checkpoint.path, report.checkpoint.monitor) == (None, "val/acc")
    assert any("save_top_k=0" in note for note in report.notes)


def test_a_second_fit_has_a_report_of_its_own(tmp_path: Path) -> None:
    """The same Trainer goes on, and the callback exports what is the best by then."""
    ours = TRTExportCallback(**quick(dirpath=tmp_path / "trt"))
    trainer = quiet_trainer(tmp_path, callbacks=[ours], monitor="val/loss", mode="max")
    module, data = Classifier(), Images()
    trainer.fit(module, datamodule=data)
    first = ours.report
    trainer.fit_loop.max_epochs = 3

    trainer.fit(module, datamodule=data)

    assert first is not None
    assert ours.report is not None
    assert ours.report is not first
    assert ours.report.checkpoint.path == trainer.checkpoint_callback.best_model_path
    assert trainer.current_epoch == 3


def test_a_fit_that_had_nothing_left_to_do_exports(tmp_path: Path) -> None:
    """Resumed from a checkpoint at which `max_epochs` was reached."""
    before = quiet_trainer(tmp_path)
    before.fit(Classifier(), datamodule=Images())
    path = before.checkpoint_callback.best_model_path
    ours = TRTExportCallback(**quick(dirpath=tmp_path / "trt"))
    trainer = quiet_trainer(tmp_path, callbacks=[ours])

    trainer.fit(Classifier(), datamodule=Images(), ckpt_path=path)

    assert ours.report is not None
    assert (ours.report.checkpoint.path, Path(path).exists()) == (path, True)
