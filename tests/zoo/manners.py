"""Modules and data with the manners of real projects: what they read, keep, change and hide."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset
from torchmetrics.classification import MulticlassAccuracy

from zoo.classifier import Classifier, ConvNet
from zoo.data import CLASSES, Images

__all__ = [
    "AnyArguments",
    "AsksLogger",
    "Augmenting",
    "AugmentingImages",
    "ConfiguresModel",
    "Dropping",
    "FetchesItself",
    "Forgetful",
    "KeepsThings",
    "LooseMetrics",
    "MadeOfAPart",
    "NoBatchIdx",
    "Noisy",
    "OfSeveralLoaders",
    "ReadsTrainer",
    "Shuffled",
    "SideEffects",
    "Stream",
    "Wayward",
    "WithHyperparameters",
    "Workers",
    "WritesIntoBatch",
]


class Augmenting(Classifier):
    """Adds noise after the transfer, in training alone."""

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        images, targets = batch
        return (images + 9 if self.trainer.training else images / 2), targets


class AugmentingImages(Images):
    """The same from the DataModule."""

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        images, targets = batch
        return (images + 9 if self.trainer.training else images / 2), targets


class ReadsTrainer(Classifier):
    """Logs what its Trainer says, and gathers over all processes."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        trainer = self.trainer
        self.log("epoch", float(self.current_epoch))
        self.log("step", float(self.global_step))
        self.log("last", float(trainer.is_last_batch))
        self.log("batches", float(sum(trainer.num_val_batches)))
        self.log("items", float(len(trainer.val_dataloaders.dataset)))
        self.log("validating", float(trainer.validating and not trainer.sanity_checking))
        self.log("world", float(trainer.world_size))
        self.log("gathered", self.all_gather(batch[0].mean()).mean(), sync_dist=True)
        self.log("from data", float(trainer.datamodule.num_samples))

    def on_validation_epoch_end(self) -> None:
        self.log("monitored", float(self.trainer.checkpoint_callback.monitor == "val/acc"))


class NoBatchIdx(Classifier):
    """A step without `batch_idx`."""

    def validation_step(self, batch: Any) -> None:
        super().validation_step(batch, 0)


class AnyArguments(Classifier):
    """A step of any arguments."""

    def validation_step(self, *args: Any, **kwargs: Any) -> None:
        super().validation_step(args[0], 0)


class FetchesItself(Classifier):
    """A step that takes the iterator."""

    def validation_step(self, dataloader_iter: Any) -> None:
        batch, batch_idx, _ = next(dataloader_iter)
        super().validation_step(batch, batch_idx)


class Noisy(Classifier):
    """Noise in the step, of all three generators."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        images, targets = batch
        super().validation_step((images + torch.randn_like(images), targets), batch_idx)


class WritesIntoBatch(Classifier):
    """A step that scales its batch in place."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        batch[0].mul_(0.5)
        super().validation_step(batch, batch_idx)


class WithHyperparameters(Classifier):
    """Hyperparameters as OmegaConf objects, which checkpoints then hold."""

    def __init__(self, options: Any) -> None:
        super().__init__(width=options.width)
        self.save_hyperparameters()


class ConfiguresModel(Classifier):
    """A net that is made in `configure_model`."""

    def __init__(self) -> None:
        super().__init__()
        self.model = None

    def configure_model(self) -> None:
        if self.model is None:
            self.model = ConvNet()


class KeepsThings(Classifier):
    """Attributes that cannot be copied, and functions that hold the module."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.history: list[Tensor] = []
        self.net_of = lambda: self.model
        self.trainers: list[Any] = []

    def on_fit_start(self) -> None:
        self.trainers.append(self.trainer)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.last = loss * 1
        self.history.append(self.last)
        return loss

    def forward(self, images: Tensor) -> Tensor:
        return self.net_of()(images)


class LooseMetrics(Classifier):
    """Metrics in a plain dict, and one metric under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.loose = {"acc": MulticlassAccuracy(CLASSES, average="micro")}
        self.same = self.accuracy

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        images, targets = batch
        logits = self(images)
        self.loose["acc"].update(logits, targets)
        self.accuracy(logits, targets)
        self.log("val/acc", self.same)

    def on_validation_epoch_end(self) -> None:
        self.log("loose", self.loose["acc"].compute())
        self.loose["acc"].reset()


class SideEffects(Classifier):
    """Validation hooks that stop, save, log to files and turn the learning rate down."""

    def on_validation_epoch_end(self) -> None:
        if not self.trainer.sanity_checking:
            self.trainer.should_stop = True
            self.trainer.save_checkpoint(f"{self.trainer.default_root_dir}/side-{self.trainer.state.fn}.ckpt")
            for group in self.optimizers().param_groups if self.trainer.optimizers else []:
                group["lr"] *= 0.5
            for scheduler in [self.lr_schedulers()] if self.trainer.lr_scheduler_configs else []:
                scheduler.step()

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=0.005)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]


class _Endless(IterableDataset[Any]):
    def __init__(self, data: Any) -> None:
        self.data = data

    def __iter__(self) -> Any:
        return iter(self.data)


class Stream(Images):
    """Validation data without a length."""

    def val_dataloader(self) -> Any:
        return DataLoader(_Endless(self.val), batch_size=self.batch_size)


class Dropping(Classifier):
    """Dropout in a net that is frozen in parts."""

    def __init__(self) -> None:
        super().__init__()
        self.model.append(nn.Dropout(0.5))
        self.model[1].eval().requires_grad_(requires_grad=False)


class AsksLogger(Classifier):
    """Writes a file into its logger's folder."""

    def on_validation_epoch_end(self) -> None:
        folder = Path(self.logger.log_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mine.txt").write_text("x")


class Shuffled(Images):
    """Validation in another order each time."""

    def val_dataloader(self) -> Any:
        return DataLoader(self.val, batch_size=self.batch_size, shuffle=True)


class Workers(Images):
    """Validation with worker processes that persist."""

    def val_dataloader(self) -> Any:
        return DataLoader(self.val, batch_size=self.batch_size, num_workers=1, persistent_workers=True)


class Forgetful(Classifier):
    """Loses in its second epoch all that it learned in the first."""

    def on_train_epoch_end(self) -> None:
        if self.current_epoch == 1:
            with torch.no_grad():
                self.model[-1].weight.zero_()

    def on_validation_epoch_start(self) -> None:
        if self.current_epoch == 1 and not self.trainer.sanity_checking:
            with torch.no_grad():
                self.model[-1].weight.zero_()


class OfSeveralLoaders(Classifier):
    """Takes batches of more than one loader."""

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        super().validation_step(batch, batch_idx)


class MadeOfAPart(Classifier):
    """Cannot be made anew from its checkpoint: nobody wrote down what it was given."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model


class Wayward(Classifier):
    """Frozen in parts, random in validation, with a metric that nobody resets and a loader's worth of state."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.forgotten = self.accuracy.clone()
        self.model[3].requires_grad_(requires_grad=False)

    def on_train_epoch_start(self) -> None:
        self.model[1].eval()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        images, targets = batch
        self.seen += len(images)
        noise = torch.rand(()) + random.random() + np.random.rand()  # noqa: S311, NPY002 - as users do it
        self.log("noise", noise)
        self.forgotten.update(self(images), targets)
        super().validation_step(batch, batch_idx)
