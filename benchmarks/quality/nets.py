"""The nets of the bench: small, of the kinds that users quantize, and for each the channels that its twin rescales."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Stream", "between", "cnn", "conv", "depthwise", "regressor", "series", "squeeze_excite", "unet", "vit"]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Channels that may be rescaled: parameters whose rows write them, and weights whose columns read them.

    `writers` and `readers` are pairs of a tensor and its first row or column of these channels; `repeats` is how many
    columns of a reader one channel has (a map that was flattened).
    """

    channels: int
    writers: Sequence[tuple[Tensor, int]]
    readers: Sequence[tuple[Tensor, int]]
    repeats: int = 1


def between(norm: nn.Module, reader: nn.Module, *, repeats: int = 1) -> Stream:
    """The stream from a layer with weight and bias to one layer that reads it."""
    return Stream(
        channels=len(norm.weight),
        writers=[(norm.weight, 0), (norm.bias, 0)],
        readers=[(reader.weight, 0)],
        repeats=repeats,
    )


def conv(before: int, after: int, kernel: int = 3, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution that keeps the size, but for its stride, and its batch norm."""
    weights = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(weights, nn.BatchNorm2d(after))


class Cnn(nn.Module):
    """Four convolutions with ReLU, and a linear layer on the flattened map."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 32, 32, 48)
        strides = (2, 1, 1, 2)
        pairs = zip(widths, widths[1:], strides, strict=False)
        self.convs = nn.ModuleList(conv(before, after, stride=stride) for before, after, stride in pairs)
        self.head = nn.Linear(48 * 9, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = torch.relu(conv(x))
        return self.head(F.max_pool2d(x, 2).flatten(1))

    def streams(self) -> list[Stream]:
        """Every convolution to the next, and the last to the head."""
        inner = [between(one[1], other[0]) for one, other in zip(self.convs, self.convs[1:], strict=False)]
        return [*inner, between(self.convs[-1][1], self.head, repeats=9)]


class Inverted(nn.Module):
    """Expand, filter each channel, project; a skip where the shape allows it."""

    def __init__(self, before: int, after: int, *, expand: int, stride: int, activation: nn.Module, gate: bool) -> None:
        super().__init__()
        inner = before * expand
        self.expand, self.filter = conv(before, inner, 1), conv(inner, inner, stride=stride, groups=inner)
        self.project = conv(inner, after, 1)
        self.activation = activation
        self.squeeze = nn.Conv2d(inner, inner // 4, 1) if gate else None
        self.excite = nn.Conv2d(inner // 4, inner, 1) if gate else None
        self.has_skip = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.filter(self.activation(self.expand(x))))
        if self.squeeze is not None and self.excite is not None:
            y = y * F.hardsigmoid(self.excite(torch.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
        y = self.project(y)
        return x + y if self.has_skip else y


class Mobile(nn.Module):
    """Inverted residuals between a stem and a head: MobileNetV2 or V3 in small."""

    def __init__(self, activation: nn.Module, *, gate: bool) -> None:
        super().__init__()
        self.stem, self.activation = conv(1, 12, stride=2), activation
        plan = ((12, 16, 2), (16, 24, 1), (24, 24, 1), (24, 32, 2), (32, 32, 1))
        self.blocks = nn.ModuleList(
            Inverted(before, after, expand=4, stride=stride, activation=activation, gate=gate)
            for before, after, stride in plan
        )
        self.last, self.head = conv(32, 128, 1), nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.head(F.adaptive_avg_pool2d(self.activation(self.last(x)), 1).flatten(1))

    def streams(self) -> list[Stream]:
        """The two streams between bottlenecks, which no activation touches."""
        writers = [self.blocks[1:3], self.blocks[3:5]]
        readers = [[self.blocks[2].expand, self.blocks[3].expand], [self.blocks[4].expand, self.last]]
        return [
            Stream(
                channels=len(written[0].project[1].weight),
                writers=[(each, 0) for block in written for each in (block.project[1].weight, block.project[1].bias)],
                readers=[(each[0].weight, 0) for each in read],
            )
            for written, read in zip(writers, readers, strict=True)
        ]


class Layer(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.join = (nn.Linear(width, width) for _ in range(4))
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.before(x)
        parts = (self.query(seen), self.key(seen), self.value(seen))
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        x = x + self.join(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))
        return x + self.narrow(F.gelu(self.widen(self.between(x))))

    def streams(self) -> list[Stream]:
        """What each layer norm writes, and the values that attention carries to its last product."""
        norm = self.before
        attention = [(each.weight, 0) for each in (self.query, self.key, self.value)]
        return [
            Stream(channels=len(norm.weight), writers=[(norm.weight, 0), (norm.bias, 0)], readers=attention),
            between(self.between, self.widen),
            between(self.value, self.join),
        ]


class Vit(nn.Module):
    """A vision transformer on patches of 4x4."""

    def __init__(self, *, width: int = 48, depth: int = 3) -> None:
        super().__init__()
        self.patch, self.place = nn.Conv2d(1, width, 4, 4), nn.Parameter(torch.randn(1, 49, width) / 50)
        self.layers = nn.ModuleList(Layer(width, 4) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2) + self.place
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x).mean(1))

    def streams(self) -> list[Stream]:
        """Those of the layers, and the last norm's."""
        return [*(each for layer in self.layers for each in layer.streams()), between(self.norm, self.head)]


class UNet(nn.Module):
    """Three levels, max-pool down, transposed convolution up, concatenation; a class for each pixel."""

    def __init__(self, classes: int = 11) -> None:
        super().__init__()
        self.first, self.second, self.deep = (self._twice(*each) for each in ((1, 12), (12, 24), (24, 48)))
        self.raise_second, self.raise_first = nn.ConvTranspose2d(48, 24, 2, 2), nn.ConvTranspose2d(24, 12, 2, 2)
        self.merge_second, self.merge_first = self._twice(48, 24), self._twice(24, 12)
        self.classes = nn.Conv2d(12, classes, 1)

    @staticmethod
    def _twice(before: int, after: int) -> nn.Sequential:
        return nn.Sequential(*conv(before, after), nn.ReLU(), *conv(after, after), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        second = self.second(F.max_pool2d(first, 2))
        x = self.raise_second(self.deep(F.max_pool2d(second, 2)))
        x = self.raise_first(self.merge_second(torch.cat([x, second], 1)))
        return self.classes(self.merge_first(torch.cat([x, first], 1)))

    def streams(self) -> list[Stream]:
        """Inside each pair of convolutions, and what a skip and the way down share."""
        pairs = (self.first, self.second, self.deep, self.merge_second, self.merge_first)
        inner = [between(pair[1], pair[3]) for pair in pairs]
        return [
            *inner,
            self._shared(self.first, self.second, self.merge_first),
            self._shared(self.second, self.deep, self.merge_second),
            between(self.merge_first[4], self.classes),
        ]

    @staticmethod
    def _shared(source: nn.Sequential, down: nn.Sequential, across: nn.Sequential) -> Stream:
        norm = source[4]
        return Stream(
            channels=len(norm.weight),
            writers=[(norm.weight, 0), (norm.bias, 0)],
            readers=[(down[0].weight, 0), (across[0].weight, len(norm.weight))],
        )


class Regressor(nn.Module):
    """A perceptron with ReLU; one number for a row."""

    def __init__(self, features: int, width: int = 96) -> None:
        super().__init__()
        sizes = (features, width, width, width)
        self.hidden = nn.ModuleList(nn.Linear(*each) for each in pairwise(sizes))
        self.last = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.last(x)[:, 0]

    def streams(self) -> list[Stream]:
        """Every layer to the next."""
        layers = [*self.hidden, self.last]
        return [between(one, other) for one, other in pairwise(layers)]


class Series(nn.Module):
    """Convolutions in time with leaky ReLU, and a mean over time."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        widths = (channels, 32, 64, 64)
        self.convs = nn.ModuleList(
            nn.Sequential(nn.Conv1d(before, after, 5, padding=2, bias=False), nn.BatchNorm1d(after))
            for before, after in pairwise(widths)
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.125)
        return self.head(x.mean(-1))

    def streams(self) -> list[Stream]:
        """Every convolution to the next, and the last to the head."""
        readers = [*(conv[0] for conv in self.convs[1:]), self.head]
        return [between(conv[1], reader) for conv, reader in zip(self.convs, readers, strict=True)]


def cnn() -> Cnn:
    """The plain convolutional net."""
    return Cnn()


def depthwise() -> Mobile:
    """Inverted residuals with ReLU6."""
    return Mobile(nn.ReLU6(), gate=False)


def squeeze_excite() -> Mobile:
    """Inverted residuals with hard-swish and squeeze-and-excite."""
    return Mobile(nn.Hardswish(), gate=True)


def vit() -> Vit:
    """The small vision transformer."""
    return Vit()


def unet() -> UNet:
    """The small U-Net."""
    return UNet()


def regressor(features: int) -> Regressor:
    """The perceptron."""
    return Regressor(features)


def series(channels: int, classes: int) -> Series:
    """The net for time series."""
    return Series(channels, classes)
