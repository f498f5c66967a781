"""1,797 scanned digits of 8x8 pixels, which come with scikit-learn."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningDataModule
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset, random_split

Digits = DataLoader[tuple[Tensor, ...]]


class DigitsDataModule(LightningDataModule):
    """1,000 images to train on, 500 to validate and 297 to test on."""

    def __init__(self, batch_size: int = 64) -> None:
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str) -> None:
        images, targets = load_digits(return_X_y=True)
        pixels = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
        digits = TensorDataset(pixels, torch.tensor(targets))
        self.train, self.val, self.held_out = random_split(
            digits, [1000, 500, 297], generator=torch.Generator().manual_seed(0)
        )

    def train_dataloader(self) -> Digits:
        return DataLoader(self.train, batch_size=self.hparams.batch_size, shuffle=True)

    def val_dataloader(self) -> Digits:
        return DataLoader(self.val, batch_size=self.hparams.batch_size)

    def test_dataloader(self) -> Digits:
        return DataLoader(self.held_out, batch_size=self.hparams.batch_size)
