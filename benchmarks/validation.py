"""Validation of four candidates in one pass, beside what must be done and beside a pass for each.

A LightningModule with a small convolutional net and a torchmetrics Accuracy, four copies of the net as candidates,
torch on one thread. The dataset sleeps for each image, which is what reading from a disk looks like to the
processor, and one worker of the DataLoader loads ahead. `loading` is the time of the loader alone, `forwards` that of
the reference's and the candidates' forward passes alone on batches in memory. Once loading dominates, in wall time,
which waiting is; once forwards, in processor time of the process, because it never waits and a machine has other work.
Everything takes turns, and a number is the median over the turns.

Predicted before it was run: Lightning's own step costs about half a millisecond a copy and batch, recording less; so
1.05 to 1.10 where forwards take 10 ms, and a factor of nearly four where loading takes all of the time.

Measured: a factor of 3.7 and 1.10 where loading takes the time. A step costs several milliseconds and not half a one,
a part of it Lightning's own (a bare Trainer.validate pays some 3.6 ms too: two calls of self.log, a metric's
forward), so that batches of 8 images, 11 ms a forward, give 1.6. The bound of 1.15 holds where forwards do dominate:
batches of 32, 1.14.
"""

from __future__ import annotations

import sys
import time
import warnings
from copy import deepcopy
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import pytorch_lightning as pl
import torch
from record import Bound, arguments, record
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchmetrics.classification import MulticlassAccuracy

from lightning_trt.replay import Replay, Subject, copy_of, place, subject_of_module
from lightning_trt.settings import ValidationSettings
from lightning_trt.stages.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable

CANDIDATES = ("fp32", "fp16", "int8-percentile", "int8-minmax")
CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Case:
    """What takes the time: milliseconds to load an image, images a batch, the net's width; `clock` measures it."""

    load_ms: float
    batch_size: int
    width: int
    clock: Callable[[], float]


CASES = {
    "loading dominates": Case(load_ms=6.0, batch_size=8, width=4, clock=time.perf_counter),
    "forwards dominate": Case(load_ms=0.5, batch_size=32, width=32, clock=time.process_time),
}


class Slow(Dataset[tuple[Tensor, int]]):
    """Random images that take their time."""

    def __init__(self, size: int, load_ms: float) -> None:
        self.images = torch.randn(size, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        self.load_ms = load_ms

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        time.sleep(self.load_ms / 1e3)
        return self.images[index], index % CLASSES


class Classifier(pl.LightningModule):
    """A convolutional net, a loss and an Accuracy."""

    def __init__(self, width: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        first, second = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, CLASSES))
        self.model = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), *head)
        self.accuracy = MulticlassAccuracy(CLASSES, average="micro")

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Nothing; loss and accuracy are logged."""
        images, targets = batch
        logits = self.model(images)
        self.log("val/loss", nn.functional.cross_entropy(logits, targets))
        self.accuracy(logits, targets)
        self.log("val/acc", self.accuracy)


def seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Time of `work` by `clock`."""
    start = clock()
    work()
    return clock() - start


def passes(subject: Subject, nets: dict[str, nn.Module]) -> None:
    """Nothing; each candidate was validated in a pass of its own, with nothing recorded."""
    for name, net in nets.items():
        copy = copy_of(subject.module, share=True)
        place(copy, "model", net)
        Replay(subject, {name: copy}).run()


def turn(
    subject: Subject, loader: DataLoader[tuple[Tensor, int]], batches: list[Tensor], clock: Callable[[], float]
) -> dict[str, float]:
    """Seconds of each way, once."""
    reference = subject.module.model
    nets: dict[str, nn.Module] = {name: deepcopy(reference) for name in CANDIDATES}

    @torch.inference_mode()
    def forwards() -> None:
        for images in batches:
            for net in (reference, *nets.values()):
                net(images)

    settings = ValidationSettings()
    engines = {name: {"model": net} for name, net in nets.items()}
    ways: dict[str, Callable[[], object]] = {
        "loading": lambda: list(loader),
        "forwards": forwards,
        "one pass": lambda: validate(subject, engines=engines, settings=settings, monitor=None),
        "four passes": lambda: passes(subject, nets),
    }
    return {name: seconds(work, clock) for name, work in ways.items()}


def times(case: Case, *, size: int, repeats: int) -> dict[str, list[float]]:
    """Seconds of each way, in turns."""
    dataset = Slow(size, case.load_ms)
    loader = DataLoader(dataset, batch_size=case.batch_size, num_workers=1)
    batches = list(dataset.images.split(case.batch_size))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice about workers
        with subject_of_module(Classifier(case.width), loader, accelerator="cpu") as subject:
            turns = [turn(subject, loader, batches, case.clock) for _ in range(repeats + 1)][1:]
    return {name: [one[name] for one in turns] for name in turns[0]}


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    torch.set_num_threads(1)
    size, repeats = (64, 1) if asked.quick else (512, 5)
    found = {name: times(case, size=size, repeats=repeats) for name, case in CASES.items()}
    middle = {name: {way: median(values) for way, values in ways.items()} for name, ways in found.items()}
    bounds = [
        Bound(
            name=f"one pass / max(loading, forwards), {name}",
            value=ways["one pass"] / max(ways["loading"], ways["forwards"]),
            bound=1.15,
            unit="x",
        )
        for name, ways in middle.items()
    ]
    slow = middle["loading dominates"]
    bounds.append(
        Bound(
            name="four passes / one pass, loading dominates",
            value=slow["four passes"] / slow["one pass"],
            bound=3.0,
            unit="x",
            is_least=True,
        )
    )
    measured = {
        "images": size,
        "batch_size": {name: case.batch_size for name, case in CASES.items()},
        "seconds": found,
    }
    return record("validation", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
