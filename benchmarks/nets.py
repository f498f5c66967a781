"""A plain ResNet-18 (He et al. 2015), so that a benchmark needs no model zoo."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Block", "resnet18"]


def _conv(channels_in: int, channels_out: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    weights = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(weights, nn.BatchNorm2d(channels_out))


class Block(nn.Module):
    """Two convolutions of 3x3 and a skip."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(channels_in, channels_out, 3, stride=stride), nn.ReLU(), _conv(channels_out, channels_out, 3)
        )
        same = stride == 1 and channels_in == channels_out
        self.skip: nn.Module = nn.Identity() if same else _conv(channels_in, channels_out, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Features of shape `(batch, channels_out, height / stride, width / stride)`."""
        return torch.relu(self.body(x) + self.skip(x))


def resnet18(*, classes: int = 1000) -> nn.Sequential:
    """ResNet-18 with random weights of seed 0, for images of shape `(batch, 3, 224, 224)`."""
    torch.manual_seed(0)
    widths = (64, 64, 128, 256, 512)
    stages = [
        nn.Sequential(Block(before, width, stride=1 if number == 0 else 2), Block(width, width, stride=1))
        for number, (before, width) in enumerate(pairwise(widths))
    ]
    stem = nn.Sequential(_conv(3, 64, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))
    return nn.Sequential(stem, *stages, head).eval()
