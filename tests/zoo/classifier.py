"""The plain classifier: a small convolutional net, a loss and an Accuracy."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from zoo.data import CLASSES

__all__ = ["Classifier", "ClassifierSteps", "ConvNet"]


class ConvNet(nn.Sequential):
    """Images of shape `(batch, 1, 8, 8)` to logits of shape `(batch, CLASSES)`."""

    def __init__(self, *, width: int = 8) -> None:
        super().__init__(
            nn.Conv2d(1, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(width * 16, CLASSES),
        )


class ClassifierSteps:
    """The steps of a classifier, for the LightningModule of either package to inherit."""

    def __init__(self, *, width: int = 8) -> None:
        super().__init__()
        self.model = ConvNet(width=width)
        self.accuracy = MulticlassAccuracy(CLASSES, average="micro")

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, targets = batch
        return nn.functional.cross_entropy(self(images), targets)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, targets = batch
        logits = self(images)
        self.log("val/loss", nn.functional.cross_entropy(logits, targets))
        self.accuracy(logits, targets)
        self.log("val/acc", self.accuracy)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.005)


class Classifier(ClassifierSteps, pl.LightningModule):
    """Logs `val/loss`, and `val/acc` by a torchmetrics Accuracy."""
