"""Modules and fits with ways of their own: what is exported is what Lightning validated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import EMAWeightAveraging, WeightAveraging
from torch.optim.swa_utils import get_ema_avg_fn
from zoo import Classifier, Images
from zoo.exporting import exported
from zoo.manners import Augmenting, AugmentingImages, Dropping, MadeOfAPart, WithHyperparameters

import lightning_trt

if TYPE_CHECKING:
    from pathlib import Path


KINDS = {
    "augments in its own hook": lambda: (Augmenting(), Images(), []),
    "augments in the DataModule's hook": lambda: (Classifier(), AugmentingImages(), []),
    "hyperparameters of OmegaConf": lambda: (
        WithHyperparameters(OmegaConf.create({"width": 8, "names": ["a"]})),
        Images(),
        [],
    ),
    "cannot be created again": lambda: (MadeOfAPart(Classifier().model), Images(), []),
    "frozen BatchNorm": lambda: (Dropping(), Images(), []),
    "averaged weights": lambda: (Classifier(), Images(), [WeightAveraging(avg_fn=get_ema_avg_fn(0.5))]),
}


# Lightning says that a hook of the DataModule's, which does nothing, is passed over, and that something is frozen.
@pytest.mark.filterwarnings("ignore:You have overridden `on_after_batch_transfer` in `LightningModule`")
@pytest.mark.filterwarnings("ignore:Found 1 module.* in eval mode at the start of training")
@pytest.mark.parametrize("kind", KINDS)
def test_what_lightning_validated_is_exported(tmp_path: Path, kind: str) -> None:
    """The reference scores what ModelCheckpoint kept as the best score, and the int8 engine comes near."""
    torch.manual_seed(0)
    module, data, callbacks = KINDS[kind]()

    trainer, report = exported(module, data, tmp_path, callbacks=callbacks, settings={"precisions": ("int8",)})

    assert report.reference.metrics["val/acc"] == pytest.approx(float(trainer.checkpoint_callback.best_model_score))
    assert report.candidates["int8-minmax"].metrics["val/acc"].drop < 0.1


def test_the_average_is_exported_and_not_the_last_weights(tmp_path: Path) -> None:
    """The engine computes what the weights of the checkpoint compute, which are the average's."""
    trainer, report = exported(Classifier(), Images(), tmp_path, callbacks=[EMAWeightAveraging(decay=0.9)])
    saved = torch.load(trainer.checkpoint_callback.best_model_path, weights_only=False)
    averaged = Classifier()
    averaged.load_state_dict(saved["state_dict"])
    images = torch.randn(4, 1, 8, 8)

    with torch.no_grad():
        expected = averaged.eval()(images)

    assert torch.allclose(lightning_trt.load(report.path)(images), expected, atol=1e-4)
    assert not torch.equal(saved["state_dict"]["model.0.weight"], saved["current_model_state"]["model.0.weight"])
