"""Mean average precision as COCO has it, of any resample of the images at once.

COCO's rules (https://cocodataset.org/#detection-eval), as torchmetrics' MeanAveragePrecision follows them, which a test
compares: overlaps of 0.5 to 0.95, 101 recalls, boxes of all sizes. Matching boxes to what is there does not depend on
which images are drawn, so that it is done once, and a resample is a weight for each image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Found", "average_precision", "matched"]

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = 101


@dataclass(frozen=True, kw_only=True)
class Found:
    """The boxes that were told of one class, best score first.

    `images` of shape `(boxes,)` says where; `is_right` of `(overlaps, boxes)` whether each was matched; `there` of
    `(images,)` how many there are of this class.
    """

    images: NDArray[np.int64]
    is_right: NDArray[np.bool_]
    there: NDArray[np.int64]


def matched(told: Sequence[Floats], there: Sequence[Floats], *, classes: int) -> list[Found]:
    """What was found of each class.

    A row of `told` is left, top, right, bottom, score and class; of `there` the same without a score.
    """
    return [_matched_of(told, there, kind) for kind in range(classes)]


def _matched_of(told: Sequence[Floats], there: Sequence[Floats], kind: int) -> Found:
    mine = [each[each[:, 5] == kind] for each in told]
    mine = [each[np.argsort(-each[:, 4], kind="stable")] for each in mine]
    real = [each[each[:, 4] == kind] for each in there]
    is_right = [_matched_in(one[:, :4], other[:, :4]) for one, other in zip(mine, real, strict=True)]
    order = np.argsort(-np.concatenate([each[:, 4] for each in mine]), kind="stable")
    return Found(
        images=np.repeat(np.arange(len(mine)), [len(each) for each in mine])[order],
        is_right=np.concatenate(is_right, 1)[:, order],
        there=np.array([len(each) for each in real]),
    )


def _matched_in(told: Floats, there: Floats) -> NDArray[np.bool_]:
    """Which of the boxes told in one image are right at each overlap: the best of those that are left."""
    is_right = np.zeros((len(OVERLAPS), len(told)), bool)
    if not len(told) or not len(there):
        return is_right
    overlap = _overlaps(told, there)
    for level, least in enumerate(OVERLAPS):
        is_left = np.ones(len(there), bool)
        for index, row in enumerate(overlap):
            best = int(np.argmax(np.where(is_left, row, -1)))
            if is_left[best] and row[best] >= least:
                is_right[level, index], is_left[best] = True, False
    return is_right


def _overlaps(one: Floats, other: Floats) -> Floats:
    """Intersection over union of each box with each."""
    low, high = np.maximum(one[:, None, :2], other[None, :, :2]), np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), 2)
    sizes = [np.prod(each[:, 2:] - each[:, :2], 1) for each in (one, other)]
    overlap: Floats = both / (sizes[0][:, None] + sizes[1][None] - both)
    return overlap


def average_precision(found: Sequence[Found], weights: NDArray[np.int64]) -> Floats:
    """Mean average precision for each row of `weights`, of shape `(resamples, images)`: shape `(resamples,)`."""
    each = np.array([[_area(one, level, weights) for level in range(len(OVERLAPS))] for one in found])
    # A class that is nowhere in a resample has no precision, and does not count.
    is_there = np.array([weights @ one.there > 0 for one in found])[:, None]
    mean: Floats = np.where(is_there, each, 0).sum((0, 1)) / (is_there.sum((0, 1)) * len(OVERLAPS))
    return mean


def _area(found: Found, level: int, weights: NDArray[np.int64]) -> Floats:
    """Precision of one class at one overlap, averaged over recalls."""
    if not len(found.images):
        return np.zeros(len(weights))
    drawn = weights[:, found.images]
    right = np.cumsum(drawn * found.is_right[level], 1)
    share = right / np.maximum(np.cumsum(drawn, 1), 1)
    # Precision at a recall is the best that any higher recall has.
    best = np.maximum.accumulate(share[:, ::-1], 1)[:, ::-1]
    recall = right / np.maximum(weights @ found.there, 1)[:, None]
    reached = np.floor(recall * (RECALLS - 1) + 1e-9)
    # The best box stands for a recall of zero, and each box for the recalls that it is the first to reach.
    area: Floats = (best[:, 0] + (np.diff(reached, axis=1, prepend=0) * best).sum(1)) / RECALLS
    return area
