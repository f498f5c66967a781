"""Small modules and datasets for torch2trt's interface."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from lightning_trt.compat.torch2trt import TRTModule, torch2trt

ON_CPU: dict[str, Any] = {"backend": "onnxruntime"}


class Pictures(nn.Module):
    """A convolutional net that takes pictures of any size."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape `(batch, 10)`."""
        return self.layers(images)


class Clothes(nn.Module):
    """A convolutional net that learns pictures of 28x28 in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * 7 * 7, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape `(batch, 10)`."""
        return self.layers(images)


class Tokens(nn.Module):
    """Integer ids and their mask, as keywords; a dict of results."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Means over the tokens that the mask keeps."""
        kept = mask.unsqueeze(-1).to(torch.float32)
        mean = (self.embedding(ids) * kept).sum(1) / kept.sum(1).clamp(min=1.0)
        return {"logits": self.head(mean), "length": mask.to(torch.int64).sum(1)}


class Dataset:
    """A plain class with `__len__` and `__getitem__`, as torch2trt's page has it; knows what was asked of it."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        return [self.rows[index : index + 1]]


class Batches(Dataset):
    """The same, asked for batches as DataLoaders ask."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__(rows)
        self.sizes: list[int] = []

    def __getitems__(self, indices: list[int]) -> list[Any]:
        self.sizes.append(len(indices))
        return [self[index] for index in indices]


def images(count: int, *, seed: int = 0, size: int = 12) -> Tensor:
    """Pictures of noise, of shape `(count, 3, size, size)`."""
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def net(*, seed: int = 0, width: int = 8) -> Pictures:
    """The net with weights of that seed, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Pictures(width).eval()


@cache
def converted(dtype: torch.dtype, **modes: Any) -> TRTModule:
    """The net in that type as an engine for two pictures, converted once for all tests that ask for the same."""
    return torch2trt(net().to(dtype), [images(2).to(dtype)], **modes, **ON_CPU)
