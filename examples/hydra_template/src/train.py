"""A training as lightning-hydra-template has it: everything is made of its config, nothing here knows of engines."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.utils import instantiate
from pytorch_lightning import Trainer, seed_everything

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from torch import Tensor

# `src` is no installed package: the project's folder has it, wherever the command runs.
sys.path.insert(0, str(Path(__file__).parents[1]))

log = logging.getLogger(__name__)


def train(cfg: DictConfig) -> dict[str, Tensor]:
    """Metrics of the training, and of the test after it."""
    seed_everything(cfg.seed, workers=True, verbose=False)
    datamodule, model = instantiate(cfg.data), instantiate(cfg.model)
    callbacks = [instantiate(each) for each in cfg.callbacks.values() if "_target_" in each]
    trainer: Trainer = instantiate(cfg.trainer, callbacks=callbacks)
    trainer.fit(model, datamodule=datamodule)
    metrics = dict(trainer.callback_metrics)
    if cfg.test:
        trainer.test(model, datamodule=datamodule, ckpt_path=trainer.checkpoint_callback.best_model_path)
    return metrics | trainer.callback_metrics


@hydra.main(version_base="1.3", config_path="../configs", config_name="train")
def main(cfg: DictConfig) -> float | None:
    """The number that is optimised, if one is named."""
    metrics = train(cfg)
    if cfg.optimized_metric is None:
        return None
    value = metrics[cfg.optimized_metric].item()
    log.info("%s is %.4f", cfg.optimized_metric, value)
    return value


if __name__ == "__main__":
    main()
