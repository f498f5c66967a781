"""The data of the bench: real, from packages and from Debian, nothing of it in this repository."""

from __future__ import annotations

import gzip
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from canvases import canvases
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CACHE", "Data", "diamonds", "digit_boxes", "digit_masks", "fashion", "packaged", "pictures", "power_demand"]

CACHE = Path(__file__).parent / "cache"
FASHION = Path("/usr/share/datasets/fashion-mnist")
CALIBRATION_SAMPLES = 512
SIDE = 224


@dataclass(frozen=True, kw_only=True)
class Data:
    """Inputs and targets to train on and to evaluate on."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]

    def first(self, number: int) -> Data:
        """So few of both, for a short run."""
        train, test = ((inputs[:number], targets[:number]) for inputs, targets in (self.train, self.test))
        return Data(train=train, test=test)

    @property
    def calibration(self) -> Tensor:
        """Training inputs, evenly spaced: nothing is calibrated on what is evaluated."""
        inputs = self.train[0]
        return inputs[np.linspace(0, len(inputs) - 1, min(CALIBRATION_SAMPLES, len(inputs))).round()]


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
def digit_boxes() -> Data:
    """The same canvases; for each, three rows of left, top, right, bottom and class, -1 where there are fewer."""
    train, test = canvases(8000, held_out=False, seed=0), canvases(2000, held_out=True, seed=1)
    return Data(train=(train.images, train.boxes), test=(test.images, test.boxes))


@cache
def diamonds() -> Data:
    """53,940 diamonds: nine traits, and the price in thousands; a fifth is held out."""
    import pandas as pd  # noqa: PLC0415 - for this task alone

    table = pd.read_csv(packaged("plotnine", "data/diamonds.csv"))
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
        packaged("aeon", f"datasets/data/ItalyPowerDemand/ItalyPowerDemand_{part}.ts") for part in ("TRAIN", "TEST")
    ]
    text = "\n".join(path.read_text().partition("@data")[2] for path in files)
    rows = [re.split("[:,]", line) for line in text.split()]
    inputs = torch.tensor([[float(value) for value in row[:-1]] for row in rows])[:, None]
    targets = torch.tensor([int(row[-1]) - 1 for row in rows])
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(rows)))
    train, test = order[::2], order[1::2]
    return Data(train=(inputs[train], targets[train]), test=(inputs[test], targets[test]))


@cache
def pictures() -> Data:
    """Crops of the twenty ImageNet pictures inside foolbox, and the class of each: half of them are evaluated on.

    Far too few pictures to measure accuracy on; crops of them are natural images all the same.
    """
    found = sorted(packaged("foolbox", "data").glob("imagenet_*.jpg"))
    return Data(train=_crops(found[::2], 512, seed=0), test=_crops(found[1::2], 500, seed=1))


def _crops(paths: list[Path], count: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """`count` square parts of the pictures in turn, of half of the shorter side or more, and the class of each."""
    from PIL import Image  # noqa: PLC0415 - for this task alone

    generator = np.random.default_rng(seed)
    opened = [Image.open(path).convert("RGB") for path in paths]
    crops = []
    for index in range(count):
        picture = opened[index % len(opened)]
        side = int(min(picture.size) * generator.uniform(0.5, 1))
        left, top = (int(generator.integers(0, size - side + 1)) for size in picture.size)
        crop = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
        crops.append(np.asarray(crop, np.float32).transpose(2, 0, 1))
    classes = torch.tensor([int(path.stem.split("_")[-1]) for path in paths])
    return (torch.from_numpy(np.stack(crops)) - 127) / 128, classes[torch.arange(count) % len(classes)]


def packaged(package: str, path: str) -> Path:
    """A file inside a package that is found, never imported: its own dependencies need not be there."""
    if (CACHE / "packages" / package / path).exists():
        return CACHE / "packages" / package / path
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(
            f"{package} is not installed; `make bench-quality` does it, or pip install --no-deps {package}."
        )
    return Path(found.submodule_search_locations[0]) / path
