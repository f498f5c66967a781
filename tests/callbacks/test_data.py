"""Validation data in all the forms in which it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from zoo import Classifier, Images, fitted, quiet_trainer
from zoo.exporting import exported, quick
from zoo.logged import TwoLoaders
from zoo.manners import OfSeveralLoaders, Stream

from lightning_trt import TRTExportCallback

if TYPE_CHECKING:
    from pathlib import Path


INT8 = {"precisions": ("int8",)}


def test_every_sample_counts_in_a_ragged_last_batch(tmp_path: Path) -> None:
    """53 samples in batches of 8."""
    _, report = exported(Classifier(), Images(), tmp_path, settings=INT8)

    assert (report.data.samples, report.data.calibration_samples) == (53, 16)


def test_limit_val_batches_limits_validation_and_not_calibration(tmp_path: Path) -> None:
    """The scores are those of the batches that Lightning validates on; samples are taken from all of the data."""
    trainer, report = exported(Classifier(), Images(), tmp_path, settings=INT8, limit_val_batches=2)

    assert (report.data.samples, report.data.calibration_samples) == (16, 16)
    assert report.reference.metrics["val/acc"] == float(trainer.checkpoint_callback.best_model_score)


def test_several_loaders_have_each_a_score(tmp_path: Path) -> None:
    """Under Lightning's names, over the samples of both."""
    monitor = "val/acc/dataloader_idx_1"
    settings = {**INT8, "gate": {"metric": monitor, "max_drop": 0.9}}

    trainer, report = exported(OfSeveralLoaders(), TwoLoaders(), tmp_path, settings=settings, monitor=monitor)

    assert set(report.reference.metrics) == {
        f"val/{name}/dataloader_idx_{at}" for name in ("acc", "loss") for at in (0, 1)
    }
    assert report.reference.metrics[monitor] == float(trainer.checkpoint_callback.best_model_score)
    assert report.data.samples == 53 + 21


def test_loaders_passed_to_fit(tmp_path: Path) -> None:
    """A DataModule is not needed."""
    data = Images()
    data.setup("fit")
    ours = TRTExportCallback(**quick(**INT8, dirpath=tmp_path / "trt"))
    trainer = quiet_trainer(tmp_path, callbacks=[ours])

    trainer.fit(Classifier(), data.train_dataloader(), data.val_dataloader())

    assert ours.report is not None
    assert (ours.report.data.samples, ours.report.data.calibration_samples) == (53, 16)


def test_data_without_a_length(tmp_path: Path) -> None:
    """Counted by walking through it."""
    trainer, report = exported(Classifier(), Stream(), tmp_path, settings=INT8)

    assert (report.data.samples, report.data.calibration_samples) == (53, 16)
    assert report.reference.metrics["val/acc"] == float(trainer.checkpoint_callback.best_model_score)


def test_too_few_samples_are_a_warning_with_the_numbers(tmp_path: Path) -> None:
    """What there is serves."""
    with pytest.warns(UserWarning, match="asked for 513 samples and the validate data holds 53"):
        _, report = exported(Classifier(), Images(), tmp_path, settings={**INT8, "calibration": {"samples": 513}})

    assert report.data.calibration_samples == 53


def test_a_fast_dev_run_writes_nothing(tmp_path: Path) -> None:
    """No folder, no report, no metric."""
    ours = TRTExportCallback(**quick(dirpath=tmp_path / "trt"))

    trainer = fitted(Classifier(), Images(), tmp_path, callbacks=[ours], fast_dev_run=True)

    assert ours.report is None
    assert not list(tmp_path.iterdir())
    assert not [name for name in trainer.callback_metrics if name.startswith("trt/")]
