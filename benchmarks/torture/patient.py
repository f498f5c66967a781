"""The fit that is tortured: sixteen features, two classes, rows that lie in files of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchmetrics.classification import BinaryAccuracy

from lightning_trt import TRTExportCallback

__all__ = ["CANDIDATES", "Net", "Rows", "exported", "settings", "trainer_of"]

CANDIDATES = ("fp32", "int8-minmax")
_FEATURES = 16
_ROWS = 48


class Net(pl.LightningModule):
    """Logs `val/acc` and `val/loss`."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Linear(_FEATURES, 16), nn.ReLU(), nn.Linear(16, 1))
        self.accuracy = BinaryAccuracy()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        rows, targets = batch
        loss = nn.functional.binary_cross_entropy_with_logits(self.model(rows)[:, 0], targets)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        rows, targets = batch
        logits = self.model(rows)[:, 0]
        self.log("val/loss", nn.functional.binary_cross_entropy_with_logits(logits, targets))
        self.accuracy(logits, targets)
        self.log("val/acc", self.accuracy)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)


class _Files(Dataset[tuple[Tensor, Tensor]]):
    """A row is read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __len__(self) -> int:
        return _ROWS

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        row = torch.from_numpy(np.load(self._folder / f"{index}.npy"))
        return row, _target(row)


class Rows(pl.LightningDataModule):
    """Validates on files in `folder`, which `prepare_data` writes; trains on rows in memory."""

    def __init__(self, folder: Path | str) -> None:
        super().__init__()
        self._folder = Path(folder)

    def prepare_data(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for index, row in enumerate(_rows(_ROWS, seed=2)):
            np.save(self._folder / f"{index}.npy", row.numpy())

    def train_dataloader(self) -> DataLoader[Any]:
        rows = _rows(64, seed=1)
        return DataLoader(TensorDataset(rows, torch.stack([_target(row) for row in rows])), batch_size=16, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(_Files(self._folder), batch_size=8)


def _rows(count: int, *, seed: int) -> Tensor:
    return torch.randn(count, _FEATURES, generator=torch.Generator().manual_seed(seed))


def _target(row: Tensor) -> Tensor:
    return (row.sum() > 0).float()


def settings(root: Path, **options: Any) -> dict[str, Any]:
    """Settings of a quick export below `root` whose gate lets all through, but for `options`."""
    return {
        "precisions": ("fp32", "int8"),
        "calibrators": ("minmax",),
        "calibration": {"samples": 16, "block_size": 8},
        "validation": {"resamples": 50},
        "latency": {"batch_sizes": (1,), "warmup_seconds": 0.001, "seconds": 0.001},
        "gate": {"metric": "val/acc", "max_drop": 0.9},
        "build": {"threads": 1},
        "dirpath": root / "trt",
        "cache": root / "cache",
        **options,
    }


def trainer_of(root: Path, *callbacks: Any, **options: Any) -> pl.Trainer:
    """A quiet Trainer for one epoch below `root`, with a logger and a ModelCheckpoint."""
    pl.seed_everything(7, verbose=False)
    return pl.Trainer(
        **{
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 1,
            "logger": pl.loggers.CSVLogger(root / "logs", name="", version=""),
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
            "log_every_n_steps": 1,
            "default_root_dir": root,
            "callbacks": [
                *callbacks,
                pl.callbacks.ModelCheckpoint(root / "checkpoints", filename="best", monitor="val/acc", mode="max"),
            ],
            **options,
        }
    )


def exported(root: Path, **options: Any) -> TRTExportCallback:
    """Our callback, with `settings`."""
    return TRTExportCallback(**settings(root, **options))
