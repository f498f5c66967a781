"""After a replay everything of the user's is as it was."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn
from zoo import CLASSES, Classifier, Images, fitted
from zoo.manners import AsksLogger, KeepsThings, Noisy, SideEffects, WritesIntoBatch

from lightning_trt.replay import Replay, copy_of, place, subject_of_fit
from lightning_trt.stages.probe import probe


class Broken(nn.Module):
    """An engine that fails at the ragged batch."""

    def forward(self, images: Tensor) -> Tensor:
        """Logits, if there are eight images."""
        if len(images) != 8:
            raise ValueError("not eight")
        return torch.zeros(8, CLASSES)


def random_numbers() -> tuple[Any, ...]:
    """The next number of each generator, in a way that leaves them at the same place each time."""
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002


def state_of(trainer: Any, module: Any) -> dict[str, Any]:
    """What could have been changed, as plain values."""
    optimizers = [optimizer.state_dict()["param_groups"] for optimizer in trainer.optimizers]
    return {
        "weights": {name: value.tolist() for name, value in module.state_dict().items()},
        "modes": {name: part.training for name, part in module.named_modules()},
        "attributes": sorted(vars(module)),
        "module's trainer": module.trainer is trainer,
        "metrics": module.accuracy.update_count,
        "random": random_numbers(),
        "stage": (trainer.state.fn, trainer.state.stage, trainer.state.status, trainer.should_stop),
        "results": {name: float(value) for name, value in trainer.callback_metrics.items()},
        "callbacks": [type(callback) for callback in trainer.callbacks],
        "optimizers": [[(group["lr"], group["betas"]) for group in groups] for groups in optimizers],
        "schedulers": [config.scheduler.state_dict() for config in trainer.lr_scheduler_configs],
        "data's trainer": trainer.datamodule.trainer is trainer,
        "data's hooks": list(trainer.datamodule.hooks),
        "epoch": (trainer.current_epoch, trainer.global_step),
        "files": sorted(str(path) for path in Path(trainer.default_root_dir).rglob("*")),
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
    }


@pytest.mark.filterwarnings("ignore:.*cannot be copied.*")
@pytest.mark.parametrize("kind", [Classifier, Noisy, SideEffects, KeepsThings, WritesIntoBatch])
def test_nothing_changes(kind: Any, tmp_path: Path) -> None:
    """Probe and replay, with an engine that fails on the way, leave no trace."""
    module = kind()
    trainer = fitted(module, Images(), tmp_path)
    before = state_of(trainer, module)

    subject = subject_of_fit(trainer, module, checkpoint=trainer.checkpoint_callback.best_model_path)
    probe(subject)
    broken = copy_of(subject.module)
    place(broken, "model", Broken())
    replay = Replay(subject, {"torch-fp32": copy_of(subject.module), "broken": broken})
    replay.run()

    assert list(replay.failures) == ["broken"]
    assert state_of(trainer, module) == before


def test_equal_candidates_meet_the_same_noise(tmp_path: Path) -> None:
    """Random steps draw the same numbers for every copy."""
    module = Noisy()
    trainer = fitted(module, Images(), tmp_path)
    subject = subject_of_fit(trainer, module, checkpoint=None)
    replay = Replay(subject, {"torch-fp32": copy_of(subject.module), "same": copy_of(subject.module)})

    replay.run()

    assert replay.metrics["same"] == replay.metrics["torch-fp32"]


def test_in_place_batches_are_spoiled_for_nobody(tmp_path: Path) -> None:
    """Every copy gets the batch as it was loaded."""
    module = WritesIntoBatch()
    trainer = fitted(module, Images(), tmp_path)
    subject = subject_of_fit(trainer, module, checkpoint=None)
    replay = Replay(subject, {"torch-fp32": copy_of(subject.module), "same": copy_of(subject.module)})

    replay.run()

    assert replay.metrics["same"] == replay.metrics["torch-fp32"]


def test_loggers_are_silent(tmp_path: Path) -> None:
    """Nothing reaches the user's loggers, and a step that asks for their folder gets one."""
    module = AsksLogger()
    logger = CSVLogger(tmp_path)
    trainer = fitted(module, Images(), tmp_path, logger=logger)
    (path,) = tmp_path.rglob("mine.txt")
    path.unlink()
    subject = subject_of_fit(trainer, module, checkpoint=None)

    Replay(subject, {"torch-fp32": copy_of(subject.module)}).run()

    assert not list(tmp_path.rglob("mine.txt"))
