"""Modules of every kind: the reference's scores are those of Trainer.validate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightning.pytorch
import pytest
import torch
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import EMAWeightAveraging
from zoo import Classifier, Images, fitted
from zoo import manners as m
from zoo import structures as s
from zoo.classifier import ClassifierSteps
from zoo.trainers import quiet_trainer
from zoo.truth import replayed, validated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def compiled() -> Any:
    """A module whose net is compiled."""
    module = Classifier()
    module.model = torch.compile(module.model, backend="eager")
    return module


def compiled_in_place() -> Any:
    """A module that is compiled itself."""
    module = Classifier()
    module.compile(backend="eager")
    return module


def with_hyperparameters() -> Any:
    """A module with OmegaConf hyperparameters."""
    return m.WithHyperparameters(OmegaConf.create({"width": 4}))


Kind = tuple["Callable[[], Any]", "Callable[..., Any]", dict[str, Any]]
KINDS: dict[str, Kind] = {
    "plain": (Classifier, Images, {}),
    "dict batch, keyword call": (s.KeywordClassifier, s.DictImages, {}),
    "strings in the batch": (s.StringsInBatch, s.DictImages, {}),
    "preprocessing in forward": (s.Preprocessing, Images, {}),
    "named outputs": (s.NamedOutputs, Images, {}),
    "siamese": (s.Siamese, Images, {}),
    "encoder and decoder": (s.Autoencoder, Images, {}),
    "manual optimisation": (s.Gan, Images, {}),
    "tokens": (s.Embedder, Images, {}),
    "lists, as in detection": (s.Detector, s.ListImages, {}),
    "augmentation in training": (m.Augmenting, Images, {}),
    "augmentation in the DataModule": (Classifier, m.AugmentingImages, {}),
    "trainer attributes": (m.ReadsTrainer, Images, {}),
    "no batch_idx": (m.NoBatchIdx, Images, {}),
    "any arguments": (m.AnyArguments, Images, {}),
    "in-place batch": (m.WritesIntoBatch, Images, {}),
    "hyperparameters": (with_hyperparameters, Images, {}),
    "configure_model": (m.ConfiguresModel, Images, {}),
    "uncopyable attributes": (m.KeepsThings, Images, {}),
    "loose metrics": (m.LooseMetrics, Images, {}),
    "side effects": (m.SideEffects, Images, {}),
    "frozen parts": (m.Dropping, Images, {}),
    "compiled net": (compiled, Images, {}),
    "compiled module": (compiled_in_place, Images, {}),
    "stream": (Classifier, m.Stream, {}),
    "limited stream": (Classifier, m.Stream, {"limit_val_batches": 2}),
    "share of batches": (Classifier, Images, {"limit_val_batches": 0.5}),
    "validation within the epoch": (Classifier, Images, {"val_check_interval": 1}),
    "shuffled": (Classifier, m.Shuffled, {}),
    "persistent workers": (Classifier, m.Workers, {}),
    "no inference mode": (Classifier, Images, {"inference_mode": False}),
    "averaged weights": (Classifier, Images, {"callbacks": [EMAWeightAveraging(decay=0.5)]}),
}


@pytest.mark.filterwarnings("ignore:.*cannot be copied.*")
@pytest.mark.filterwarnings("ignore:.*sampler has shuffling enabled.*")
@pytest.mark.filterwarnings("ignore:.*in eval mode at the start of training.*")
@pytest.mark.filterwarnings("ignore:.*It will use the implementation from.*")
@pytest.mark.parametrize("kind", KINDS)
def test_equals_validate(kind: str, tmp_path: Path) -> None:
    """Every kind of module and data scores as in Trainer.validate."""
    make, make_data, options = KINDS[kind]
    module, data = make(), make_data(num_train=16, num_samples=21)
    trainer = fitted(module, data, tmp_path, **options)

    ours, theirs = replayed(trainer, module), validated(trainer, module, data)

    assert ours == pytest.approx(theirs, abs=1e-6, rel=0)
    assert "val/acc" in ours


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_equals_validate_as_trained(precision: Any, tmp_path: Path) -> None:
    """Under another precision the copy that runs as trained scores as in Trainer.validate."""
    module, data = Classifier(), Images(num_train=16, num_samples=21)
    trainer = fitted(module, data, tmp_path, precision=precision)

    ours, theirs = replayed(trainer, module, as_trained=True), validated(trainer, module, data)

    assert ours == pytest.approx(theirs, abs=1e-6, rel=0)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_reference_is_float32(precision: Any, tmp_path: Path) -> None:
    """Whatever the fit's precision, the reference computes in float32, near to it."""
    module, data = Classifier(), Images(num_train=16, num_samples=21)
    trainer = fitted(module, data, tmp_path, precision=precision)

    ours, theirs = replayed(trainer, module), validated(trainer, module, data)

    assert ours["val/loss"] != theirs["val/loss"]
    assert ours["val/loss"] == pytest.approx(theirs["val/loss"], abs=0.02)


def test_lightning_package(tmp_path: Path) -> None:
    """A module and Trainer of lightning.pytorch score as in its own Trainer.validate, from plain loaders."""
    module = type("Classifier", (ClassifierSteps, lightning.pytorch.LightningModule), {})()
    data = Images()
    data.setup("fit")
    trainer = quiet_trainer(tmp_path, package=lightning.pytorch)
    trainer.fit(module, data.train_dataloader(), data.val_dataloader())

    ours = replayed(trainer, module)

    trainer.validate(module, data.val_dataloader(), ckpt_path="best", verbose=False)
    assert ours == {name: float(value) for name, value in trainer.callback_metrics.items()}
