"""What Lightning itself says: the truth that a replay is held against."""

from __future__ import annotations

from inspect import signature
from typing import Any

from lightning_trt.replay import Replay, copy_of, subject_of_fit

__all__ = ["replayed", "validated"]


def validated(trainer: Any, module: Any, data: Any) -> dict[str, float]:
    """`callback_metrics` after `Trainer.validate` at the best checkpoint, which leaves its weights in `module`."""
    path = trainer.checkpoint_callback.best_model_path
    # Lightning before 2.6 has no such argument.
    options = {"weights_only": False} if "weights_only" in signature(trainer.validate).parameters else {}
    trainer.validate(module, datamodule=data, ckpt_path=path, verbose=False, **options)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def replayed(trainer: Any, module: Any, *, as_trained: bool = False) -> dict[str, float]:
    """What the reference of a replay at the best checkpoint logs."""
    subject = subject_of_fit(trainer, module, checkpoint=trainer.checkpoint_callback.best_model_path)
    copies = {"reference": copy_of(subject.as_trained if as_trained else subject.module)}
    replay = Replay(subject, copies, as_trained=copies if as_trained else ())
    replay.run()
    return replay.metrics["reference"]
