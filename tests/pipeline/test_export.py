"""From a finished checkpoint to engines, without a Trainer."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from zoo import Classifier, Images, fitted
from zoo.exporting import quick
from zoo.manners import OfSeveralLoaders, WithHyperparameters

from lightning_trt import Report, export, load
from lightning_trt.artifacts import Verdict
from lightning_trt.errors import CheckpointError, GateFailedError

IMAGES = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(3))


@dataclass(frozen=True)
class Trained:
    """A finished fit: its best checkpoint, and the score and the logits that belong to it."""

    checkpoint: str
    score: float
    logits: torch.Tensor


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Fitted without a callback of ours."""
    trainer = fitted(Classifier(), Images(), tmp_path_factory.mktemp("fit"))
    path = trainer.checkpoint_callback.best_model_path
    module = Classifier()
    module.load_state_dict(torch.load(path)["state_dict"])
    return Trained(checkpoint=path, score=float(trainer.checkpoint_callback.best_model_score), logits=logits(module))


@pytest.fixture(scope="module")
def exported(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Classifier]:
    """The report on the checkpoint, and the module that was given, whose weights are others."""
    module = Classifier()
    settings = quick(precisions=("fp32", "int8"), dirpath=tmp_path_factory.mktemp("engines"), monitor="val/acc")
    return export(module, Images(), checkpoint=trained.checkpoint, **settings), module


def test_direction_of_a_logged_scalar_comes_from_the_checkpoint(tmp_path: Path) -> None:
    """Its ModelCheckpoint kept the least loss, and no Trainer is there to say so."""
    trainer = fitted(Classifier(), Images(), tmp_path, monitor="val/loss", mode="min")
    checkpoint = trainer.checkpoint_callback.best_model_path

    report = export(Classifier(), Images(), checkpoint=checkpoint, **quick(dirpath=tmp_path / "engines"))

    assert report.candidates["fp32"].metrics["val/loss"].higher_is_better is False


def logits(module: Classifier) -> torch.Tensor:
    """What a copy in evaluation mode computes."""
    copy = Classifier()
    copy.load_state_dict(module.state_dict())
    with torch.no_grad():
        found: torch.Tensor = copy.eval()(IMAGES)
    return found


def state_of(module: Classifier) -> list[object]:
    """What an export must leave alone, as plain values."""
    weights = [value.tolist() for value in module.state_dict().values()]
    return [weights, module.training, random.getstate(), torch.get_rng_state().tolist()]


def test_the_checkpoints_weights_are_exported(exported: tuple[Report, Classifier], trained: Trained) -> None:
    """The reference scores what it scored when it was trained."""
    report, _ = exported

    assert report.reference.metrics["val/acc"] == pytest.approx(trained.score, abs=1e-6)
    assert (report.checkpoint.path, report.checkpoint.epoch, report.checkpoint.monitor) == (
        trained.checkpoint,
        0,
        "val/acc",
    )


def test_a_candidates_folder_gives_its_engine(exported: tuple[Report, Classifier], trained: Trained) -> None:
    """A module that computes what the checkpoint's computes."""
    report, _ = exported

    assert torch.allclose(load(report.path / "fp32")(IMAGES), trained.logits, atol=1e-4)


def test_a_runs_folder_gives_the_chosen_engine(exported: tuple[Report, Classifier], trained: Trained) -> None:
    """Whichever was the fastest."""
    report, _ = exported

    assert report.chosen in {"fp32", "int8-minmax"}
    assert torch.allclose(load(report.path)(IMAGES), trained.logits, atol=0.2)


def test_the_folder_is_named_after_the_checkpoint(exported: tuple[Report, Classifier], trained: Trained) -> None:
    """Its stem and the beginning of its digest."""
    report, _ = exported

    assert report.checkpoint.sha256 is not None
    assert report.path.name == f"{Path(trained.checkpoint).stem}-{report.checkpoint.sha256[:8]}"


def test_without_a_checkpoint_the_modules_own_weights_are_exported(tmp_path: Path) -> None:
    """With a loader in the place of a DataModule; module and random state are left as they were."""
    module, data = Classifier(), Images()
    data.setup("validate")
    before = state_of(module)

    report = export(module, data.val_dataloader(), **quick(dirpath=tmp_path))

    assert state_of(module) == before
    assert torch.allclose(load(report.path)(IMAGES), logits(module), atol=1e-4)


def test_several_loaders(tmp_path: Path) -> None:
    """One after the other, each with its samples."""
    data = Images()
    data.setup("validate")

    report = export(OfSeveralLoaders(), [data.val_dataloader()] * 2, **quick(dirpath=tmp_path, gate=None))

    assert set(report.reference.metrics) >= {"val/acc/dataloader_idx_0", "val/acc/dataloader_idx_1"}
    assert report.data.samples == 2 * 53


def test_a_failed_gate_raises_after_everything_is_written(tmp_path: Path) -> None:
    """As in a CI job."""
    with pytest.raises(GateFailedError):
        export(Classifier(), Images(), **quick(dirpath=tmp_path, gate={"metric": "val/acc", "max_drop": -1.0}))

    (folder,) = (each.parent for each in tmp_path.rglob("report.json"))
    assert (folder / "fp32" / "model.onnx").is_file()


def test_a_checkpoint_of_more_than_plain_data_needs_trust(tmp_path: Path) -> None:
    """It would run code; whoever trusts it says so."""
    options = OmegaConf.create({"width": 8})
    trainer = fitted(WithHyperparameters(options), Images(), tmp_path)
    path = trainer.checkpoint_callback.best_model_path

    with pytest.raises(CheckpointError, match="trust=True"):
        export(WithHyperparameters(options), Images(), checkpoint=path, **quick(dirpath=tmp_path / "trt"))

    report = export(
        WithHyperparameters(options), Images(), checkpoint=path, trust=True, **quick(dirpath=tmp_path / "trt")
    )
    assert report.verdict is Verdict.passed


def test_a_checkpoint_that_does_not_fit(trained: Trained, tmp_path: Path) -> None:
    """The sentence names what does not."""
    with pytest.raises(CheckpointError, match=r"does not fit Classifier: .*model\.0\.weight.*settings"):
        export(Classifier(width=4), Images(), checkpoint=trained.checkpoint, **quick(dirpath=tmp_path))


def test_a_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*absent\.ckpt"):
        export(Classifier(), Images(), checkpoint=tmp_path / "absent.ckpt", **quick(dirpath=tmp_path / "trt"))
