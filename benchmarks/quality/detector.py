"""A detector without anchors: at each place of a map, classes and the distances to the four sides of a box.

In small what FCOS is (Tian et al. 2019, https://arxiv.org/abs/1904.01355), trained with the focal loss of Lin et al.
2017 (https://arxiv.org/abs/1708.02002). Of a box the nine places around its middle answer for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from nets import Stream, between, conv
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CLASSES", "Detector", "boxes_of", "loss"]

CLASSES = 10
STRIDE = 4
UNIT = 24.0
"""Pixels of a distance of one."""

LEAST_SCORE, MOST_BOXES = 0.05, 10


class Detector(nn.Module):
    """Six convolutions with ReLU, two of them a residual block; answers of shape `(batch, classes + 4, 12, 12)`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.ModuleList([conv(1, 16, stride=2), conv(16, 32, stride=2), conv(32, 48)])
        self.block = nn.ModuleList([conv(48, 48), conv(48, 48)])
        self.neck, self.head = conv(48, 48), nn.Conv2d(48, CLASSES + 4, 1)
        # Few places answer for a box: let all begin by saying so, as the focal loss wants it.
        nn.init.constant_(self.head.bias[:CLASSES], -4.0)

    def forward(self, x: Tensor) -> Tensor:
        for each in self.stem:
            x = torch.relu(each(x))
        inner = torch.relu(self.block[0](x))
        return self.head(torch.relu(self.neck(torch.relu(x + self.block[1](inner)))))

    def streams(self) -> list[Stream]:
        """Every convolution to the next; what enters the block and what leaves it is one stream."""
        (first, second, third), (one, two) = self.stem, self.block
        return [
            between(first[1], second[0]),
            between(second[1], third[0]),
            between(one[1], two[0]),
            Stream(
                channels=48,
                writers=[(each, 0) for norm in (third[1], two[1]) for each in (norm.weight, norm.bias)],
                readers=[(one[0].weight, 0), (self.neck[0].weight, 0)],
            ),
            between(self.neck[1], self.head),
        ]


def loss(answers: Tensor, boxes: Tensor) -> Tensor:
    """Focal loss of the classes, and the mean distance of the sides where there is a box."""
    classes, sides = answers[:, :CLASSES], answers[:, CLASSES:]
    wanted, distances = _wanted(boxes, answers.shape[-1])
    shares = classes.sigmoid()
    missed = torch.where(wanted > 0, 1 - shares, shares)
    weight = torch.where(wanted > 0, 0.75, 0.25) * missed**2
    focal = (weight * F.binary_cross_entropy_with_logits(classes, wanted, reduction="none")).sum()
    is_box = wanted.amax(1, keepdim=True) > 0
    off = ((sides - distances).abs() * is_box).sum() / 4
    return (focal + 2 * off) / is_box.sum().clamp(min=1)


def _wanted(boxes: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """One where a class is to be said, and the distances in units: shape `(batch, classes or 4, side, side)`."""
    across, down = _middles(side, boxes.device)
    wanted = torch.zeros(len(boxes), CLASSES, side, side, device=boxes.device)
    distances = torch.zeros(len(boxes), 4, side, side, device=boxes.device)
    for box in boxes.unbind(1):
        left, top, right, bottom, kind = box.T[:, :, None, None]
        sides = torch.stack([across - left, down - top, right - across, bottom - down], 1)
        # Two sides of one direction differ by twice the distance from the middle.
        is_here = ((sides[:, :2] - sides[:, 2:]).abs() <= 3 * STRIDE).all(1) & (kind >= 0)
        kinds = F.one_hot(kind.flatten().long().clamp(min=0), CLASSES)[:, :, None, None]
        wanted += is_here[:, None] * kinds
        distances = torch.where(is_here[:, None], sides / UNIT, distances)
    return wanted.clamp(max=1), distances


def _middles(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where the places of a map lie on the canvas, of shape `(side, side)` each: across and down."""
    along = torch.arange(side, device=device) * STRIDE + (STRIDE - 1) / 2
    return along.expand(side, side), along[:, None].expand(side, side)


def boxes_of(answers: NDArray[np.float32]) -> list[Tensor]:
    """Rows of left, top, right, bottom, score and class for each canvas: where no neighbour scores higher."""
    told = torch.from_numpy(answers)
    shares = told[:, :CLASSES].sigmoid()
    highest = F.max_pool2d(shares.amax(1, keepdim=True), 3, 1, 1)
    shares = torch.where(shares == highest, shares, 0.0).flatten(1)
    across, down = (each.flatten() for each in _middles(answers.shape[-1], told.device))
    sides = told[:, CLASSES:].flatten(2) * UNIT
    corners = torch.stack([across - sides[:, 0], down - sides[:, 1], across + sides[:, 2], down + sides[:, 3]], 2)
    scores, places = shares.topk(MOST_BOXES, 1)
    rows = []
    for corner, score, place in zip(corners, scores, places, strict=True):
        kept = score >= LEAST_SCORE
        where = place[kept]
        kind = where // len(across)
        rows.append(torch.cat([corner[where % len(across)], score[kept, None], kind[:, None]], 1))
    return rows
