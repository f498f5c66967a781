"""Everything of the user's is, to the last bit, what it would be without the callback."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torchmetrics import Metric
from zoo import Images, fitted
from zoo.exporting import quick
from zoo.manners import Wayward

from lightning_trt import TRTExportCallback

if TYPE_CHECKING:
    from pathlib import Path

WHAT = (
    "weights", "modes", "gradients", "metrics", "attributes", "random", "torch's switches", "datamodule", "trainer",
    "loops", "optimizers", "logged", "best score",
)  # fmt: skip


class Witness(pl.Callback):
    """Looks around in `on_fit_end`, after the export."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """What there is, before the fit is torn down."""
        self.seen = all_of(trainer, pl_module, trainer.datamodule)


def all_of(trainer: Any, module: Any, data: Any) -> dict[str, Any]:
    """All that an export could have changed, as plain values."""
    flags = ("training", "validating", "testing", "sanity_checking", "should_stop", "global_step", "current_epoch")
    return {
        "weights": plain(module.state_dict()),
        "modes": [part.training for part in module.modules()],
        "gradients": [(weight.requires_grad, plain(weight.grad)) for weight in module.parameters()],
        "metrics": [
            (plain(part.metric_state), part.update_count, part.sync_on_compute)
            for part in module.modules()
            if isinstance(part, Metric)
        ],
        "attributes": ([sorted(vars(part)) for part in module.modules()], module.seen, module.trainer is trainer),
        "random": plain((random.getstate(), np.random.get_state(), torch.get_rng_state())),  # noqa: NPY002
        "torch's switches": (
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.benchmark,
        ),
        "datamodule": (sorted(vars(data)), list(data.hooks), plain(data.val.tensors), data.trainer is trainer),
        "trainer": [trainer.state.fn, trainer.state.stage, *(getattr(trainer, flag) for flag in flags)],
        "loops": (trainer.fit_loop.state_dict(), trainer.validate_loop.state_dict(), trainer.num_val_batches),
        "optimizers": [plain(optimizer.state_dict()) for optimizer in trainer.optimizers],
        "logged": [
            {name: plain(value) for name, value in metrics.items() if not name.startswith("trt/")}
            for metrics in (trainer.callback_metrics, trainer.logged_metrics, trainer.progress_bar_metrics)
        ],
        "best score": plain(trainer.checkpoint_callback.best_model_score),
    }


def plain(value: Any) -> Any:
    """Tensors and arrays as their bytes, however deep."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.detach().numpy().tobytes()
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.tobytes()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


Seen = dict[str, dict[str, Any]]


def seen_in(root: Path, callbacks: list[Any]) -> Seen:
    """What was there in `on_fit_end` and after a fit."""
    module, data, witness = Wayward(), Images(), Witness()
    trainer = fitted(module, data, root, callbacks=[*callbacks, witness])
    return {"in on_fit_end": witness.seen, "after the fit": all_of(trainer, module, data)}


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What there is without the callback."""
    torch.manual_seed(0)
    return seen_in(tmp_path_factory.mktemp("without"), [])


@pytest.fixture(scope="module")
def with_ours(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What there is with it."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("with")
    return seen_in(root, [TRTExportCallback(**quick(precisions=("int8",), dirpath=root / "trt"))])


@pytest.mark.parametrize("moment", ["in on_fit_end", "after the fit"])
@pytest.mark.parametrize("what", WHAT)
def test_nothing_of_the_users_changes(with_ours: Seen, without: Seen, moment: str, what: str) -> None:
    """Compared with a fit that did not have the callback."""
    assert with_ours[moment][what] == without[moment][what]
