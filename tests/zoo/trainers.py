"""Quiet Trainers on the CPU that keep their best checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytorch_lightning

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import ModuleType

__all__ = ["fitted", "quiet_trainer"]


def quiet_trainer(
    root: Path,
    *,
    callbacks: Iterable[Any] = (),
    keepers: Iterable[Any] | None = None,
    monitor: str | None = "val/acc",
    mode: str = "max",
    package: ModuleType = pytorch_lightning,
    **options: Any,
) -> Any:
    """A Trainer of `package` for one epoch below `root`: no bars, no sanity check, no logger, one ModelCheckpoint.

    `keepers` are the ModelCheckpoints to have in its place.
    """
    keeper = package.callbacks.ModelCheckpoint(dirpath=root / "checkpoints", monitor=monitor, mode=mode)
    kept = [keeper] if keepers is None else keepers
    return package.Trainer(
        **{
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 1,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
            "default_root_dir": root,
            "callbacks": [*callbacks, *kept],
            **options,
        }
    )


def fitted(module: Any, data: Any, root: Path, *, seed: int = 7, **options: Any) -> Any:
    """The Trainer after it fitted `module` on `data`, a DataModule; `options` are those of `quiet_trainer`."""
    pytorch_lightning.seed_everything(seed)
    trainer = quiet_trainer(root, **options)
    trainer.fit(module, datamodule=data)
    return trainer
