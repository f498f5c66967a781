"""A net that was trained on real pictures, once for all tests of torch2trt's interface."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from compat.nets import Clothes
from torch import Tensor, nn

FOLDER = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The net, some of the pictures it was trained on, and all pictures and classes that it was not."""

    model: Clothes
    seen: Tensor
    pictures: Tensor
    classes: Tensor


def read(name: str, *, offset: int) -> Tensor:
    """Bytes of a file of the data set behind its header."""
    content = gzip.decompress((FOLDER / f"{name}-ubyte.gz").read_bytes())
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=offset).copy())


def pictures_of(split: str) -> Tensor:
    """Pictures of shape `(count, 3, 28, 28)`, from 0 to 1."""
    grey = read(f"{split}-images-idx3", offset=16).reshape(-1, 1, 28, 28)
    return (grey / 255.0).expand(-1, 3, -1, -1)


@pytest.fixture(scope="session")
def trained() -> Trained:
    """The net after two epochs over 20,000 pictures of clothes: over four in five of the test pictures right."""
    if not FOLDER.is_dir():
        pytest.skip("needs Fashion-MNIST: apt-get install dataset-fashion-mnist")
    pictures, classes = pictures_of("train")[:20_000], read("train-labels-idx1", offset=8)[:20_000].long()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Clothes()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for rows in torch.cat([torch.randperm(len(pictures)) for _ in range(2)]).split(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(pictures[rows]), classes[rows]).backward()
            optimizer.step()
    return Trained(
        model=model.eval(),
        seen=pictures[:512],
        pictures=pictures_of("t10k"),
        classes=read("t10k-labels-idx1", offset=8).long(),
    )
