"""A classifier that is scored by any metrics, logged in any of the ways that users log them."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from zoo.classifier import Classifier, ConvNet
from zoo.data import CLASSES, Images

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Confused",
    "Detecting",
    "InPairs",
    "OneMetricALoader",
    "Plain",
    "Scored",
    "Siamese",
    "SpoiltNet",
    "Stepless",
    "TwoLoaders",
    "WithinOne",
    "as_binary",
    "as_binary_shares",
    "as_both",
    "as_boxes",
    "as_loss",
    "as_pixels",
    "as_regression",
    "as_tokens",
    "multiclass",
    "predict",
    "rounded",
    "shown_logits",
]

Shown = tuple[Any, ...]


def predict(module: Any, batch: Any) -> tuple[Any, ...]:
    """Logits and targets, for metrics that are given to an export."""
    images, targets = batch
    return module(images), targets


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


class Confused(Scored):
    """Logs each number of a confusion matrix by its place."""

    def on_validation_epoch_end(self) -> None:
        matrix = self.metric.compute().float()
        self.log_dict({f"val/confusion/{i}/{j}": matrix[i, j] for i in range(CLASSES) for j in range(CLASSES)})
        self.metric.reset()


class Detecting(Scored):
    """Logs what the metric computes at the end, as a detector does."""

    def on_validation_epoch_end(self) -> None:
        self.log("val/map", self.metric.compute()["map"])
        self.metric.reset()


def rounded(model: nn.Module, *, step: float) -> nn.Module:
    """A copy of `model` with its weights rounded to multiples of `step`: a real other model, as an engine is."""
    made = deepcopy(model).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_((weight / step).round() * step)
    return made


def as_regression(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The first logit as a prediction of the class number."""
    return logits[:, 0], targets.float()


def as_binary(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The first logit, scaled so that some batches lie within [0, 1], as that of the first class."""
    return logits[:, 0] / 4 + 0.4, (targets == 0).long()


def as_binary_shares(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The probability of the first class by its logit alone."""
    return logits[:, 0].sigmoid(), (targets == 0).long()


def as_both(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Both halves of what a siamese net would give, in one update of twice the rows."""
    return torch.cat([logits, -logits]), torch.cat([targets, targets])


def as_loss(logits: Tensor, targets: Tensor) -> tuple[Tensor, int]:
    """The mean loss of the batch with its size as its weight."""
    return nn.functional.cross_entropy(logits, targets), len(targets)


def as_pixels(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Classes of four pixels an image, each of which sees the logits in another light; shapes `(batch, 2, 2)`."""
    lights = torch.tensor([0.0, 0.5, 1.0, 2.0])
    seen = logits[:, None, :] + lights[:, None] * logits.new_tensor([1.0, -1.0, 0.5, 0.0])
    return seen.argmax(dim=2).view(-1, 2, 2), targets[:, None, None].expand(-1, 2, 2)


def as_tokens(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of three tokens an item, of shape `(batch, 3, classes)`, and their classes."""
    return torch.stack([logits, logits / 2, -logits], dim=1), torch.stack([targets, targets, targets.flip(0)], dim=1)


def as_boxes(logits: Tensor, targets: Tensor) -> tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]:
    """A box an image for each class that is likely enough, and the true one: what post-processing gives."""
    corners = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    found = [(row.softmax(0), (row.softmax(0) > 0.2).nonzero().flatten()) for row in logits]
    predicted = [
        {"boxes": corners + likely[:, None] / 2, "scores": shares[likely], "labels": likely} for shares, likely in found
    ]
    return predicted, [{"boxes": corners + target / 2, "labels": target[None]} for target in targets]


class WithinOne(Metric):
    """A user's own metric: share of predictions at most one class off."""

    higher_is_better = True

    def __init__(self) -> None:
        super().__init__()
        self.add_state("near", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("seen", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor) -> None:
        self.near += ((logits.argmax(dim=1) - targets).abs() <= 1).sum()
        self.seen += len(targets)

    def compute(self) -> Tensor:
        return self.near / self.seen


class InPairs(Metric):
    """Mean error of maps that refuses an item alone, draws a random number, and warns."""

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("seen", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, ours: Tensor, theirs: Tensor) -> None:
        if len(ours) < 2:
            raise ValueError("two at least")
        torch.rand(1)
        self.total += (ours - theirs).abs().mean(dim=(1, 2)).sum()
        self.seen += len(ours)

    def compute(self) -> Tensor:
        return self.total / self.seen


def multiclass(kind: Any, **options: Any) -> Metric:
    """A multiclass metric of torchmetrics."""
    made: Metric = kind(task="multiclass", num_classes=CLASSES, **options)
    return made


class Plain(Classifier):
    """Logs scalars as plain tensors, with `options` of `self.log`."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        images, targets = batch
        self.log("val/plain", nn.functional.cross_entropy(self(images), targets), **self.options)


class Stepless(Classifier):
    """A classifier that cannot validate by itself."""

    validation_step = pl.LightningModule.validation_step


class SpoiltNet(nn.Module):
    """An engine that answers with `value` only, or raises where that is None."""

    def __init__(self, value: float | None) -> None:
        super().__init__()
        self.value = value

    def forward(self, images: Tensor) -> Tensor:
        if self.value is None:
            raise RuntimeError("the engine is broken")
        return torch.full((len(images), CLASSES), self.value)


class TwoLoaders(Images):
    """The validation data twice, in batches of eight and of five."""

    def val_dataloader(self) -> Any:
        return [DataLoader(self.val, batch_size=size) for size in (8, 5)]


class OneMetricALoader(Classifier):
    """Logs an Accuracy for each loader."""

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.ModuleList(MulticlassAccuracy(CLASSES, average="micro") for _ in range(2))

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        images, targets = batch
        logits = self(images)
        self.each[dataloader_idx].update(logits, targets)
        self.log("val/acc", self.each[dataloader_idx])
        self.log("val/loss", nn.functional.cross_entropy(logits, targets))


class Siamese(Classifier):
    """Calls the net twice in a step and updates its metric with both halves."""

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, targets = batch
        for view in (images, images.flip(-1)):
            self.accuracy.update(self(view), targets)
        self.log("val/acc", self.accuracy)
