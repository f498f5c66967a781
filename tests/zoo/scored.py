"""A classifier that is scored by any metrics, logged in any of the ways that users log them."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from zoo.classifier import ConvNet

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Scored", "rounded", "shown_logits"]

Shown = tuple[Any, ...]


def shown_logits(logits: Tensor, targets: Tensor) -> Shown:
    """What most classification metrics are given."""
    return logits, targets


class Scored(pl.LightningModule):
    """Gives `shown(logits, targets)` to `metric` and logs it under its name as `how` says.

    Args:
        metric: A Metric, logged as `val/score`, or a MetricCollection.
        shown: Makes the arguments of the metric.
        how: `object` logs the metric itself, `forward` what its forward gave, `epoch` what it computes at the end.
        options: More arguments of `self.log`.
    """

    def __init__(
        self,
        metric: Metric | MetricCollection,
        *,
        shown: Callable[[Tensor, Tensor], Shown] = shown_logits,
        how: str = "object",
        **options: Any,
    ) -> None:
        super().__init__()
        self.model = ConvNet()
        self.metric = metric
        self.shown = shown
        self.how = how
        self.options = options

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        images, targets = batch
        shown = self.shown(self.model(images), targets)
        if self.how == "forward":
            self.log_all(self.metric(*shown))
            return
        self.metric.update(*shown)
        if self.how == "object":
            self.log_all(self.metric)

    def on_validation_epoch_end(self) -> None:
        if self.how == "epoch":
            self.log_all(self.metric.compute())
            self.metric.reset()

    def log_all(self, value: Any) -> None:
        if isinstance(value, dict | MetricCollection):
            self.log_dict(value, **self.options)
        else:
            self.log("val/score", value, **self.options)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def rounded(model: nn.Module, *, step: float) -> nn.Module:
    """A copy of `model` with its weights rounded to multiples of `step`: a real other model, as an engine is."""
    made = deepcopy(model).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_((weight / step).round() * step)
    return made
