"""What is the user's after a fit, in a form that can be compared with another fit's."""

from __future__ import annotations

import csv
import hashlib
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from lightning_trt.storage import sha256_of

__all__ = ["Witness", "possessions"]


class Witness(pl.Callback):
    """Sees the checkpoint before anything is exported."""

    def __init__(self) -> None:
        self.checkpoint: str | None = None

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.checkpoint = sha256_of(trainer.checkpoint_callback.best_model_path)


def possessions(trainer: pl.Trainer, module: pl.LightningModule) -> dict[str, Any]:
    """Weights, checkpoint, logged rows, metrics, loops, optimizers and random state: digests, and plain values.

    What is ours in them is left out: our callback's state in the checkpoint, names that begin with `trt/`. A checkpoint
    that is gone is None.
    """
    checkpoint = Path(trainer.checkpoint_callback.best_model_path)
    return {
        "weights": digest_of(module.state_dict()),
        "modes": [part.training for part in module.modules()],
        "checkpoint": digest_of(_content(checkpoint)) if checkpoint.is_file() else None,
        "rows": _rows(Path(trainer.logger.log_dir) / "metrics.csv"),
        "metrics": {name: float(each) for name, each in trainer.callback_metrics.items() if not _is_ours(name)},
        "optimizers": digest_of([each.state_dict() for each in trainer.optimizers]),
        "loops": digest_of(trainer.fit_loop.state_dict()),
        "random": digest_of([random.getstate(), np.random.get_state(), torch.get_rng_state()]),  # noqa: NPY002
    }


def digest_of(value: Any) -> str:
    """Digest of plain values and tensors, however deep."""
    digest = hashlib.sha256()
    _add(digest, value)
    return digest.hexdigest()[:16]


def _add(digest: Any, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            digest.update(str(key).encode())
            _add(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(str(len(value)).encode())
        for each in value:
            _add(digest, each)
    else:
        digest.update(repr(value).encode())


def _content(path: Path) -> dict[str, Any]:
    saved = torch.load(path, weights_only=False)
    states = {key: _without_paths(state) for key, state in saved["callbacks"].items() if "TRTExport" not in key}
    return {**saved, "callbacks": states}


def _without_paths(state: dict[str, Any]) -> dict[str, Any]:
    """A callback's state but for what names the folder of its run."""
    return {
        name: each for name, each in state.items() if "path" not in name and name not in {"best_k_models", "dirpath"}
    }


def _rows(path: Path) -> list[dict[str, str]]:
    """Rows that the logger has, without columns of ours and rows that hold nothing else."""
    read = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    rows = [{name: each for name, each in row.items() if not _is_ours(name) and each} for row in read]
    return [row for row in rows if set(row) - {"step", "epoch"}]


def _is_ours(name: str) -> bool:
    return name.startswith("trt/")
