"""A module that logs in every way there is, and the names of what it logs."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MaxMetric, MeanMetric, MetricCollection, MinMaxMetric
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from zoo.classifier import ClassifierSteps
from zoo.data import CLASSES, Images, images_and_targets

__all__ = ["WAYS", "Logged", "LoggedSteps", "TwoLoaders", "named"]

VALUES = ("tensor", "double", "metric", "collection")
REDUCTIONS = ("mean", "max", "min", "sum")
WHEN = ((False, True), (True, False), (True, True))
WAYS = [way for way in product(VALUES, REDUCTIONS, WHEN) if way[0] in {"tensor", "double"} or way[1] == "mean"]


def named(value: str, reduce_fx: str, when: tuple[bool, bool]) -> str:
    """The name under which a way logs."""
    return f"{value}-{reduce_fx}-step{int(when[0])}-epoch{int(when[1])}"


class LoggedSteps(ClassifierSteps):
    """Logs each of `WAYS`, and what other hooks log; takes one loader or several."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics = nn.ModuleDict({f"{int(a)}{int(b)}": MulticlassAccuracy(CLASSES) for a, b in WHEN})
        self.collections = nn.ModuleDict({f"{int(a)}{int(b)}": self._collection() for a, b in WHEN})
        self.running = MeanMetric()
        self.largest = MaxMetric()
        self.spread = MinMaxMetric(MulticlassAccuracy(CLASSES, average="micro"))
        self.outputs: list[Tensor] = []

    def _collection(self) -> MetricCollection:
        return MetricCollection(
            {"f1": MulticlassF1Score(CLASSES), "recall": MulticlassAccuracy(CLASSES)}, prefix="collection-"
        )

    def on_validation_epoch_start(self) -> None:
        self.outputs.clear()

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        images, targets = batch
        logits = self(images)
        loss = nn.functional.cross_entropy(logits, targets)
        self.log("val/loss", loss)
        for value, reduce_fx, when in WAYS:
            self._log(value, reduce_fx, when, loss=loss, logits=logits, targets=targets)
        self.log("weighted", loss, batch_size=3)
        self.log("quiet", loss, logger=False, prog_bar=True)
        if dataloader_idx == 0:
            self.log("first loader", loss, add_dataloader_idx=False)
        self.running.update(loss)
        self.largest.update(loss)
        self.spread.update(logits, targets)
        self.outputs.append(loss)
        return {"loss": loss}

    def _log(self, value: str, reduce_fx: str, when: tuple[bool, bool], **given: Tensor) -> None:
        key, name = f"{int(when[0])}{int(when[1])}", named(value, reduce_fx, when)
        options: Any = {"on_step": when[0], "on_epoch": when[1]}
        if value == "metric":
            self.metrics[key](given["logits"], given["targets"])
            self.log(name, self.metrics[key], **options)
        elif value == "collection":
            values = self.collections[key](given["logits"], given["targets"])
            # A collection is logged whole or as the values it gives.
            logged = self.collections[key] if key == "01" else {f"{name}/{part}": v for part, v in values.items()}
            self.log_dict(logged, **options)
        else:
            loss = given["loss"].double() if value == "double" else given["loss"]
            self.log(name, loss, reduce_fx=reduce_fx, **options)

    def on_validation_batch_end(self, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("batch end", outputs["loss"], on_epoch=True)

    def on_validation_epoch_end(self) -> None:
        self.log("epoch end", torch.stack(self.outputs).mean())
        self.log("running", self.running)
        self.log("largest", self.largest.compute())
        self.log_dict({f"spread/{name}": value for name, value in self.spread.compute().items()})
        self.largest.reset()
        self.spread.reset()


class Logged(LoggedSteps, pl.LightningModule):
    """Logs in every way there is."""


class TwoLoaders(Images):
    """A second validation loader of another length."""

    def val_dataloader(self) -> Any:
        second = TensorDataset(*images_and_targets(21, seed=3, noise=self.noise))
        return [super().val_dataloader(), DataLoader(second, batch_size=4)]
