"""A detector whose boxes are made after the network: the engine computes maps, and `validation_step` does the rest.

What is chosen from the maps and turned into boxes has sizes that depend on values, which no engine needs to know: it
stays in torch, in the step, and runs behind the engine as it ran in training. The gate holds the number that comes out
at the end, F1 of boxes, and not the distance of some tensors.

Run it with `python examples/04_detection.py [folder for the results]`.
"""

from __future__ import annotations

import sys

import torch
from pytorch_lightning import LightningDataModule, LightningModule, Trainer, seed_everything
from pytorch_lightning.callbacks import ModelCheckpoint
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchmetrics import Metric

from lightning_trt import TRTExportCallback

SIZE, CELL, DIGIT = 64, 8, 16
"""Sides, in pixels, of a canvas, of the part of it that one place of the maps speaks for, and of a digit."""

Boxes = dict[str, Tensor]
"""`boxes` of shape `(n, 4)`, left, top, right and bottom in pixels, and `labels` of shape `(n,)`."""
Batch = tuple[Tensor, list[Boxes]]


class Canvases(LightningDataModule):
    """Scanned digits, one to three on a canvas, in different quarters of it."""

    def setup(self, stage: str) -> None:
        images, labels = map(torch.tensor, load_digits(return_X_y=True))
        digits = nn.functional.interpolate(images.float().reshape(-1, 1, 8, 8) / 16, size=DIGIT)[:, 0]
        generator = torch.Generator().manual_seed(0)
        self.train = [canvas(digits[:1200], labels[:1200], generator) for _ in range(600)]
        self.val = [canvas(digits[1200:], labels[1200:], generator) for _ in range(300)]

    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.train, batch_size=20, shuffle=True, collate_fn=collated)

    def val_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.val, batch_size=50, collate_fn=collated)


def canvas(digits: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Boxes]:
    """An image of shape `(1, 64, 64)`, and what is on it."""
    image = 0.2 * torch.rand(1, SIZE, SIZE, generator=generator)
    number = int(torch.randint(1, 4, (), generator=generator))
    chosen = torch.randint(len(digits), (number,), generator=generator)
    quarters = torch.randperm(4, generator=generator)[:number]
    corners = torch.stack([quarters % 2, quarters // 2], 1) * (SIZE // 2)
    corners = corners + torch.randint(SIZE // 2 - DIGIT + 1, (number, 2), generator=generator)
    for digit, (left, top) in zip(digits[chosen], corners.tolist(), strict=True):
        image[0, top : top + DIGIT, left : left + DIGIT] += digit
    return image, {"boxes": torch.cat([corners, corners + DIGIT], 1).float(), "labels": labels[chosen]}


def collated(items: list[tuple[Tensor, Boxes]]) -> Batch:
    return torch.stack([image for image, _ in items]), [boxes for _, boxes in items]


class Detector(nn.Module):
    """Images to maps of 8x8 places: whether a digit's middle is there, which digit, and where exactly."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs, stride in [(1, width, 2), (width, width, 2), (width, width, 2), (width, width, 1)]:
            layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(width, 1 + 10 + 2, 1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps = self.head(self.body(images))
        return {"is_there": maps[:, 0], "classes": maps[:, 1:11], "offsets": maps[:, 11:]}


def found_in(maps: dict[str, Tensor], *, least_score: float = 0.3) -> list[Boxes]:
    """The boxes of each image: where a score is high enough, and higher than those of the places around it."""
    scores = maps["is_there"].sigmoid()
    is_peak = (scores >= nn.functional.max_pool2d(scores, 3, 1, 1)) & (scores > least_score)
    found = []
    for peaks, classes, offsets in zip(is_peak, maps["classes"], maps["offsets"], strict=True):
        row, column = peaks.nonzero().unbind(1)
        middles = CELL * (torch.stack([column, row], 1) + 0.5 + offsets[:, row, column].T)
        boxes = torch.cat([middles - DIGIT / 2, middles + DIGIT / 2], 1)
        found.append({"boxes": boxes, "labels": classes[:, row, column].argmax(0)})
    return found


class BoxF1(Metric):
    """F1 of boxes: a wanted one is found where a box with its label shares at least half of their union with it."""

    higher_is_better = True

    def __init__(self) -> None:
        super().__init__()
        for name in ("right", "found", "wanted"):
            self.add_state(name, default=torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, preds: list[Boxes], targets: list[Boxes]) -> None:
        for pred, target in zip(preds, targets, strict=True):
            is_same = pred["labels"][:, None] == target["labels"]
            self.right += (is_same & (overlap(pred["boxes"], target["boxes"]) >= 0.5)).any(0).sum()
            self.found += len(pred["labels"])
            self.wanted += len(target["labels"])

    def compute(self) -> Tensor:
        return 2 * self.right / (self.found + self.wanted)


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union, of shape `(len(first), len(second))`."""
    low = torch.maximum(first[:, None, :2], second[:, :2])
    high = torch.minimum(first[:, None, 2:], second[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    return shared / (2 * DIGIT**2 - shared)


class DigitDetector(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.detector = Detector()
        self.f1 = BoxF1()

    def training_step(self, batch: Batch) -> Tensor:
        images, targets = batch
        maps = self.detector(images)
        image = torch.cat([torch.full_like(each["labels"], place) for place, each in enumerate(targets)])
        boxes, labels = (torch.cat([each[name] for each in targets]) for name in ("boxes", "labels"))
        middles = (boxes[:, :2] + DIGIT / 2) / CELL
        column, row = middles.long().unbind(1)
        is_there = torch.zeros_like(maps["is_there"]).index_put((image, row, column), torch.ones(len(image)))
        offsets = middles - torch.stack([column, row], 1) - 0.5
        return (
            10 * nn.functional.binary_cross_entropy_with_logits(maps["is_there"], is_there)
            + nn.functional.cross_entropy(maps["classes"][image, :, row, column], labels)
            + nn.functional.smooth_l1_loss(maps["offsets"][image, :, row, column], offsets)
        )

    def validation_step(self, batch: Batch) -> None:
        images, targets = batch
        self.f1.update(found_in(self.detector(images)), targets)
        self.log("val/f1", self.f1, batch_size=len(images))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=6e-3)


def main(folder: str = "demo_output/detection") -> None:
    seed_everything(0)
    callback = TRTExportCallback(
        precisions=("fp16", "int8"),
        gate={"rules": [{"metric": "val/f1", "max_drop": 0.05, "candidates": "int8-*"}]},
        dirpath=f"{folder}/engines",
    )
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=5,
        logger=False,
        callbacks=[ModelCheckpoint(dirpath=f"{folder}/checkpoints", monitor="val/f1", mode="max"), callback],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(DigitDetector(), datamodule=Canvases())
    print("the gate says:", callback.report.verdict.value if callback.report else "nothing")


if __name__ == "__main__":
    main(*sys.argv[1:])
