"""Modules, data, strategies and callbacks that an export cannot do with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import SingleDeviceStrategy
from torch import Tensor, nn

from zoo.classifier import Classifier, ConvNet
from zoo.data import Images

__all__ = [
    "Blocker",
    "CallsSpectral",
    "CallsTwo",
    "CallsWithWords",
    "FSDPStrategy",
    "Remover",
    "SpoiltImages",
    "Untrained",
    "Unvalidated",
]


class Untrained(Classifier):
    """Fails the test when training begins."""

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        pytest.fail("training began")


class Unvalidated(pl.LightningModule):
    """Has no `validation_step`."""

    def __init__(self) -> None:
        super().__init__()
        self.model = torch.nn.Linear(1, 1)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        pytest.fail("training began")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class FSDPStrategy(SingleDeviceStrategy):
    """Known by its name, as Lightning's own is; that one wants a GPU to be made."""


class Remover(pl.Callback):
    """Removes the best checkpoint before it can be exported."""

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        Path(trainer.checkpoint_callback.best_model_path).unlink()


class Blocker(pl.Callback):
    """Puts a file where the results are to go, once training is over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self.folder.rmdir()
        self.folder.write_text("in the way")


class SpoiltImages(Images):
    """One image of the validation set is NaN."""

    def val_dataloader(self) -> Any:
        self.val.tensors[0][0] = torch.nan
        return super().val_dataloader()


class Told(nn.Module):
    """Wants a set of words beside the images."""

    def __init__(self) -> None:
        super().__init__()
        self.net = ConvNet()

    def forward(self, images: Tensor, words: set[str]) -> Tensor:
        return self.net(images) * len(words)


class CallsWithWords(Classifier):
    """Its part is no function of tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.told = Told()

    def forward(self, images: Tensor) -> Tensor:
        return self.told(images, {"a", "b"})


class Spectral(nn.Module):
    """Computes with eigenvalues, of which ONNX knows nothing."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.linalg.eigvals(images[:, 0]).real[:, :4]


class CallsSpectral(Classifier):
    """Its part cannot be exported."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Identity(), Spectral())

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        raise NotImplementedError


class CallsTwo(Classifier):
    """Calls two parts, neither inside the other."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 4)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        images, targets = batch
        self.accuracy(self.head(self.model(images).detach()), targets)
        self.log("val/acc", self.accuracy)
