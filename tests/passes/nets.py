"""Small nets of the kinds that users train, with batch norms that have seen data."""

# ruff: noqa: D102 - forward is what torch calls it
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable


def conv(channels_in: int, channels_out: int, kernel: int = 3, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution and its batch norm."""
    weights = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(weights, nn.BatchNorm2d(channels_out))


class Residual(nn.Module):
    """Stem, max-pool, one block with an identity skip and one that goes down, head."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.stem = conv(3, width)
        self.first = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width))
        self.second = nn.Sequential(conv(width, 2 * width, stride=2), nn.ReLU(), conv(2 * width, 2 * width))
        self.down = conv(width, 2 * width, 1, stride=2)
        self.head = nn.Linear(2 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.stem(x)), 2)
        x = F.relu(self.first(x) + x)
        x = F.relu(self.second(x) + self.down(x))
        return self.head(x.mean((2, 3)))


class Depthwise(nn.Module):
    """An inverted residual with ReLU6, an average pool between convolutions, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 16), nn.ReLU6())
        self.block = nn.Sequential(conv(16, 32, 1), nn.ReLU6(), conv(32, 32, groups=32), nn.ReLU6(), conv(32, 16, 1))
        self.last = nn.Sequential(conv(16, 32, 1), nn.ReLU6())
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.block(x)
        x = F.avg_pool2d(F.relu6(x), 2)
        return self.head(F.adaptive_avg_pool2d(self.last(x), 1).flatten(1))


class SqueezeExcite(nn.Module):
    """Hard-swish and a gate on 1x1 maps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 24, stride=2), nn.Hardswish())
        self.depth = nn.Sequential(conv(24, 24, groups=24), nn.Hardswish())
        self.squeeze, self.excite = nn.Conv2d(24, 8, 1), nn.Conv2d(8, 24, 1)
        self.project = conv(24, 24, 1)
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.depth(x)
        gate = F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
        return self.head((x + self.project(y * gate)).mean((2, 3)))


class Transformer(nn.Module):
    """A pre-norm block with LayerNorm, GELU and fused attention."""

    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, tokens, width = x.shape
        parts = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        keep = None if mask is None else mask[:, None, None, :]
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=keep)
        x = x + self.project(y.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.mlp(self.norm2(x))


class Vision(nn.Module):
    """A vision transformer of one block on patches of 4x4."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.block = nn.Conv2d(3, 32, 4, 4), Transformer()
        self.token, self.position = nn.Parameter(torch.randn(1, 1, 32)), nn.Parameter(torch.randn(1, 17, 32))
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.head(self.norm(self.block(x))[:, 0])


class UNet(nn.Module):
    """Max-pool down, transposed convolution up, concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = nn.Sequential(conv(3, 16), nn.ReLU()), nn.Sequential(conv(16, 32), nn.ReLU())
        self.up, self.merge = nn.ConvTranspose2d(32, 16, 2, 2), nn.Sequential(conv(32, 16), nn.ReLU())
        self.classes = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        near = self.down(x)
        far = self.up(self.deep(F.max_pool2d(near, 2)))
        return self.classes(self.merge(torch.cat([far, near], 1)))


class Recurrent(nn.Module):
    """Two bidirectional recurrent layers and a head."""

    def __init__(self, kind: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.layers = kind(8, 16, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(x)[0][:, -1])


class Text(nn.Module):
    """A sentence encoder: integer tokens, a mask, a masked mean."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.block, self.head = nn.Embedding(100, 32), Transformer(), nn.Linear(32, 5)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.block(self.embedding(ids), mask.bool())
        weight = mask.unsqueeze(-1).to(x.dtype)
        return self.head((x * weight).sum(1) / weight.sum(1).clamp(min=1e-9))


class Siamese(nn.Module):
    """One encoder called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(conv(1, 8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 144, 4))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.encoder(left) - self.encoder(right)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A net, how it is called, and names of its axes that may change beside the batch."""

    make: Callable[[], nn.Module]
    inputs: Callable[[int], dict[str, Tensor]]
    axes: dict[int, str]

    def net(self) -> nn.Module:
        """The net in evaluation mode, its batch norms away from identity."""
        torch.manual_seed(0)
        net = self.make().eval()
        for norm in net.modules():
            if isinstance(norm, nn.BatchNorm2d):
                nn.init.normal_(norm.running_mean, 0, 0.3)
                nn.init.uniform_(norm.running_var, 0.5, 2)
                nn.init.uniform_(norm.weight, 0.5, 1.5)
                nn.init.normal_(norm.bias, 0, 0.2)
        return net


def _images(size: int, channels: int = 3, *names: str) -> Callable[[int], dict[str, Tensor]]:
    return lambda batch: {name: torch.randn(batch, channels, size, size) for name in names or ("x",)}


def _tokens(batch: int) -> dict[str, Tensor]:
    mask = torch.ones(batch, 7, dtype=torch.long)
    mask[0, 5:] = 0
    return {"ids": torch.randint(0, 100, (batch, 7)), "mask": mask}


CASES = {
    "residual": Case(make=Residual, inputs=_images(16), axes={}),
    "depthwise": Case(make=Depthwise, inputs=_images(16), axes={}),
    "squeeze_excite": Case(make=SqueezeExcite, inputs=_images(16), axes={}),
    "vision": Case(make=Vision, inputs=_images(16), axes={}),
    "unet": Case(make=UNet, inputs=_images(16), axes={}),
    "lstm": Case(make=lambda: Recurrent(nn.LSTM), inputs=lambda batch: {"x": torch.randn(batch, 6, 8)}, axes={}),
    "gru": Case(make=lambda: Recurrent(nn.GRU), inputs=lambda batch: {"x": torch.randn(batch, 6, 8)}, axes={}),
    "text": Case(make=Text, inputs=_tokens, axes={1: "tokens"}),
    "siamese": Case(make=Siamese, inputs=_images(12, 1, "left", "right"), axes={}),
}
