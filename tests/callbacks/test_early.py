"""What cannot work is refused before the first training step, with a sentence that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torchmetrics.classification import MulticlassAccuracy
from zoo import CLASSES, Images, quiet_trainer
from zoo.exporting import quick
from zoo.scored import predict
from zoo.troubles import FSDPStrategy, Untrained, Unvalidated

from lightning_trt import TRTExportCallback
from lightning_trt.errors import (
    LightningTRTError,
    MetricNotLoggedError,
    NoSamplesError,
    ReplayError,
    SettingsError,
    StorageError,
    UnsupportedPrecisionError,
)

if TYPE_CHECKING:
    from pathlib import Path

MISTYPED = {
    "precision": ({"precisions": ("int9",)}, "'int9' is not a precision. Did you mean 'int8'?"),
    "calibrator": ({"calibrators": ("minmx",)}, "'minmx' is not a calibrator. Did you mean 'minmax'?"),
    "nested setting": ({"calibration": {"sample": 3}}, "no setting 'sample'. Did you mean 'samples'?"),
    "gate's setting": ({"gate": {"max_drp": 3}}, "no setting 'max_drp'. Did you mean 'max_drop'?"),
    "half of a scoring": ({"metrics": {}}, "metrics is given and predict is not; they go together"),
    "word": ({"on_error": "rais"}, "Did you mean 'raise'?"),
}


def refusal(
    root: Path, kind: type[LightningTRTError], *, module: Any = None, settings: Any = None, **options: Any
) -> str:
    """The sentence with which a fit is refused."""
    ours = TRTExportCallback(**quick(**{"dirpath": root / "trt", **(settings or {})}))
    trainer = quiet_trainer(root, callbacks=[ours], **options)
    with pytest.raises(kind) as refused:
        trainer.fit(module or Untrained(), datamodule=Images())
    return str(refused.value)


@pytest.mark.parametrize("what", MISTYPED)
def test_what_is_mistyped_is_refused_with_the_nearest_name(what: str) -> None:
    """When the callback is made."""
    options, sentence = MISTYPED[what]

    with pytest.raises(SettingsError) as refused:
        TRTExportCallback(**options)

    assert sentence in str(refused.value)


def test_an_unknown_keyword_is_pythons_own_error() -> None:
    """The signature is typed, and takes nothing else."""
    with pytest.raises(TypeError, match="precision"):
        TRTExportCallback(precision=("int8",))  # type: ignore[call-arg]


def test_a_limit_on_what_the_given_metrics_do_not_compute(tmp_path: Path) -> None:
    """Before training, and not after it."""
    scoring = {"metrics": {"acc": MulticlassAccuracy(CLASSES)}, "predict": predict}

    sentence = refusal(tmp_path, MetricNotLoggedError, settings={**scoring, "gate": {"metric": "acb", "max_drop": 0.1}})

    assert "Did you mean 'acc'?" in sentence


def test_an_unknown_backend(tmp_path: Path) -> None:
    """With the nearest name."""
    sentence = refusal(tmp_path, SettingsError, settings={"backend": "onnxruntme"})

    assert "Did you mean 'onnxruntime'?" in sentence


def test_a_precision_that_the_backend_has_not(tmp_path: Path) -> None:
    """With those that it has."""
    sentence = refusal(
        tmp_path, UnsupportedPrecisionError, settings={"precisions": ("tf32",), "backend": "onnxruntime"}
    )

    assert "tf32" in sentence
    assert "onnxruntime gives here: fp32, " in sentence


def test_a_file_in_the_way_of_the_results(tmp_path: Path) -> None:
    """What stands there is named."""
    (tmp_path / "file").write_text("in the way")

    sentence = refusal(tmp_path, StorageError, settings={"dirpath": tmp_path / "file" / "trt"})

    assert f"{tmp_path / 'file'} is a file, not a folder" in sentence


@pytest.mark.filterwarnings("ignore:You passed in a `val_dataloader` but have no `validation_step`")
def test_a_module_without_a_validation_step(tmp_path: Path) -> None:
    """There would be nothing to measure."""
    sentence = refusal(tmp_path, ReplayError, module=Unvalidated(), settings={"gate": None}, monitor=None, mode="min")

    assert "Unvalidated has no validation_step" in sentence


def test_a_fit_that_validates_on_nothing(tmp_path: Path) -> None:
    """By the Trainer's own limit."""
    assert "limit_val_batches=0" in refusal(tmp_path, NoSamplesError, limit_val_batches=0)


def test_a_metric_that_no_model_checkpoint_monitors(tmp_path: Path) -> None:
    """With the nearest that one does."""
    sentence = refusal(tmp_path, SettingsError, settings={"monitor": "val/ac"})

    assert "no ModelCheckpoint of this Trainer monitors it. Did you mean 'val/acc'?" in sentence


def test_a_limit_on_the_monitored_metric_where_none_is(tmp_path: Path) -> None:
    """Two ways out are named."""
    sentence = refusal(tmp_path, SettingsError, settings={"gate": {"max_drop": 0.1}}, monitor=None, mode="min")

    assert "gate={'metric': 'val/acc', ...}, or ModelCheckpoint(monitor='val/acc', mode='max')" in sentence


def test_a_strategy_that_shards_the_module(tmp_path: Path) -> None:
    """An export needs it whole."""
    sentence = refusal(tmp_path, SettingsError, strategy=FSDPStrategy(accelerator=None, device=torch.device("cpu")))

    assert sentence.startswith("FSDPStrategy shards the module over ranks")
