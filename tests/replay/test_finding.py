"""The subject, after a fit and without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightning.pytorch
import pytest
import pytorch_lightning
import torch
from omegaconf import OmegaConf
from torch import nn
from zoo import Classifier, Images, fitted, quiet_trainer
from zoo.classifier import ClassifierSteps
from zoo.manners import WithHyperparameters

from lightning_trt.errors import CheckpointError, NoSamplesError, ReplayError
from lightning_trt.replay import Replay, copy_of, subject_of_fit, subject_of_module

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.replay import Subject


class OnlyTrains(pytorch_lightning.LightningModule):
    """A module without validation."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Linear(64, 1)

    def training_step(self, batch: Any) -> torch.Tensor:
        """A loss."""
        return self.model(batch[0].flatten(1)).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Plain descent."""
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Classifier]:
    """A Trainer after its fit, with the module."""
    module = Classifier()
    return fitted(module, Images(), tmp_path_factory.mktemp("fit")), module


def scores(subject: Subject) -> dict[str, float]:
    """What the reference logs."""
    replay = Replay(subject, {"torch-fp32": copy_of(subject.module)})
    replay.run()
    return replay.metrics["torch-fp32"]


def test_module_with_checkpoint_scores_as_after_its_fit(fit: tuple[Any, Classifier]) -> None:
    """Without a fit, another instance with the checkpoint scores the same."""
    trainer, module = fit
    path = trainer.checkpoint_callback.best_model_path

    with subject_of_module(Classifier(), Images(), checkpoint=path) as subject:
        assert scores(subject) == scores(subject_of_fit(trainer, module, checkpoint=path))


def test_own_weights(fit: tuple[Any, Classifier]) -> None:
    """Without a checkpoint the module's own weights are taken, after a fit as without."""
    trainer, module = fit

    with subject_of_module(module, Images()) as subject:
        assert scores(subject) == scores(subject_of_fit(trainer, module, checkpoint=None))


def test_loaders_alone(fit: tuple[Any, Classifier]) -> None:
    """A plain validation loader serves as well as a DataModule."""
    _, module = fit
    data = Images()
    data.setup("validate")

    with subject_of_module(module, data) as one, subject_of_module(module, data.val_dataloader()) as other:
        assert scores(one) == scores(other)


def test_datamodule_is_set_up_and_torn_down() -> None:
    """The DataModule's hooks run as in Trainer.validate, and its trainer is as before."""
    data = Images()

    with subject_of_module(Classifier(), data):
        pass

    assert [hook.split()[0] for hook in data.hooks] == ["prepare_data", "setup", "teardown"]
    assert data.trainer is None


def test_lightning_module_gets_a_trainer_of_its_package() -> None:
    """A module of lightning.pytorch is never given a Trainer of pytorch_lightning."""
    module = type("Classifier", (ClassifierSteps, lightning.pytorch.LightningModule), {})()
    data = Images()
    data.setup("validate")

    with subject_of_module(module, data.val_dataloader()) as subject:
        assert isinstance(subject.trainer, lightning.pytorch.Trainer)


def test_mixed_packages() -> None:
    """A DataModule of the other package is an error that names both."""
    module = type("Classifier", (ClassifierSteps, lightning.pytorch.LightningModule), {})()

    with (
        pytest.raises(ReplayError, match=r"no LightningDataModule of lightning\.pytorch"),
        subject_of_module(module, Images()),
    ):
        pass


def test_absent_checkpoint(fit: tuple[Any, Classifier], tmp_path: Path) -> None:
    """A checkpoint that is gone is named."""
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*gone\.ckpt"):
        subject_of_fit(*fit, checkpoint=tmp_path / "gone.ckpt")


@pytest.mark.parametrize(
    ("holds", "sentence"),
    [
        pytest.param("latest", "DeepSpeed, and one file is needed. Write it with pytorch_lightning", id="DeepSpeed"),
        pytest.param("notes.txt", "expected the file that ModelCheckpoint wrote", id="neither"),
    ],
)
def test_folder_as_checkpoint(fit: tuple[Any, Classifier], tmp_path: Path, holds: str, sentence: str) -> None:
    """It is refused with the way out; FSDP's is tested with a real one."""
    (tmp_path / holds).touch()

    with pytest.raises(CheckpointError, match=sentence):
        subject_of_fit(*fit, checkpoint=tmp_path)


def test_unreadable_checkpoint(fit: tuple[Any, Classifier], tmp_path: Path) -> None:
    """A file that is no checkpoint is named."""
    path = tmp_path / "text.ckpt"
    path.write_text("no weights")

    with pytest.raises(CheckpointError, match="no readable checkpoint"):
        subject_of_fit(*fit, checkpoint=path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04"], ids=["empty", "text", "cut off"])
def test_damaged_checkpoint(content: bytes, tmp_path: Path) -> None:
    """However torch stumbles over it, the sentence is ours."""
    (tmp_path / "damaged.ckpt").write_bytes(content)

    with pytest.raises(CheckpointError, match=r"damaged.ckpt"), _subject(Classifier(), tmp_path / "damaged.ckpt"):
        pass


def test_class_in_the_place_of_a_module() -> None:
    """The sentence says what to write."""
    with pytest.raises(ReplayError, match=r"Classifier is a class; .* Classifier\(\)"), _subject(Classifier):
        pass


def test_class_in_the_place_of_a_datamodule() -> None:
    """The sentence says what to write."""
    with (
        pytest.raises(ReplayError, match=r"class Images; .* Images\(\)"),
        subject_of_module(Classifier(), Images, accelerator="cpu"),
    ):
        pass


def _subject(module: Any, checkpoint: Path | None = None) -> Any:
    return subject_of_module(module, Images(), checkpoint=checkpoint, accelerator="cpu")


def test_checkpoint_of_another_module(fit: tuple[Any, Classifier]) -> None:
    """Weights that do not fit are named, with both shapes."""
    trainer, _ = fit

    with pytest.raises(CheckpointError, match=r"does not fit Classifier: size mismatch for model\.0\.weight"):
        subject_of_fit(trainer, Classifier(width=4), checkpoint=trainer.checkpoint_callback.best_model_path)


def test_checkpoint_that_may_run_code_needs_trust(tmp_path: Path) -> None:
    """A foreign checkpoint with more than plain data is refused until it is trusted."""
    module, data = WithHyperparameters(OmegaConf.create({"width": 4})), Images()
    path = fitted(module, data, tmp_path).checkpoint_callback.best_model_path

    with pytest.raises(CheckpointError, match="trust=True"), subject_of_module(module, data, checkpoint=path):
        pass
    with subject_of_module(module, data, checkpoint=path, trust=True) as subject:
        assert "val/acc" in scores(subject)


@pytest.mark.filterwarnings("ignore:You passed in a `val_dataloader` but have no.*")
def test_no_validation_step(tmp_path: Path) -> None:
    """A fit without validation is an error with what to give."""
    module = OnlyTrains()
    trainer = fitted(module, Images(), tmp_path, monitor=None)

    with pytest.raises(NoSamplesError, match="nothing to validate OnlyTrains on"):
        subject_of_fit(trainer, module, checkpoint=None)


def test_validation_switched_off(tmp_path: Path) -> None:
    """limit_val_batches=0 is an error that says so."""
    module = Classifier()
    trainer = fitted(module, Images(), tmp_path, monitor=None, limit_val_batches=0)

    with pytest.raises(NoSamplesError, match="limit_val_batches is 0"):
        subject_of_fit(trainer, module, checkpoint=None)


def test_empty_validation_data() -> None:
    """Loaders without a batch are an error at the first pass."""
    with (
        subject_of_module(Classifier(), Images(num_samples=0)) as subject,
        pytest.raises(NoSamplesError, match="no bat"),
    ):
        scores(subject)


def test_validation_that_never_came_up(tmp_path: Path) -> None:
    """A fit that had nothing left to do still has its validation loaders."""
    module = Classifier()
    trainer = quiet_trainer(tmp_path, max_epochs=0)
    trainer.fit(module, datamodule=Images())

    assert "val/acc" in scores(subject_of_fit(trainer, module, checkpoint=None))
