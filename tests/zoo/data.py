"""A DataModule of tiny synthetic images whose classes can be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CLASSES", "Images", "images_and_targets"]

CLASSES = 4


def images_and_targets(num_samples: int, *, seed: int, noise: float = 2.0) -> tuple[Tensor, Tensor]:
    """Images of shape `(num_samples, 1, 8, 8)` around one pattern a class, and their classes."""
    patterns = torch.randn(CLASSES, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(CLASSES, (num_samples,), generator=generator)
    return patterns[targets] + noise * torch.randn(num_samples, 1, 8, 8, generator=generator), targets


class Images(pl.LightningDataModule):
    """Batches `(image, target)`; 53 validation samples in batches of 8 leave a ragged last batch."""

    def __init__(self, *, num_samples: int = 53, num_train: int = 64, batch_size: int = 8, noise: float = 2.0) -> None:
        super().__init__()
        self.num_samples = num_samples
        self.num_train = num_train
        self.batch_size = batch_size
        self.noise = noise
        self.hooks: list[str] = []

    def prepare_data(self) -> None:
        self.hooks.append("prepare_data")

    def setup(self, stage: str) -> None:
        self.hooks.append(f"setup {stage}")
        self.train = TensorDataset(*images_and_targets(self.num_train, seed=1, noise=self.noise))
        self.val = TensorDataset(*images_and_targets(self.num_samples, seed=2, noise=self.noise))

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return DataLoader(self.train, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return DataLoader(self.val, batch_size=self.batch_size)

    def teardown(self, stage: str) -> None:
        self.hooks.append(f"teardown {stage}")
