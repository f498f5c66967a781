"""Calls of a network, told apart by the bits that go in, and what a network could leave behind beside its results."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import torch

from lightning_trt.batches import fingerprints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from lightning_trt.artifacts import Structure

__all__ = ["attributes_of", "digest_of", "fresh", "same_bits"]


def attributes_of(parts: Sequence[nn.Module]) -> dict[tuple[int, str], object]:
    """What the modules in `parts` hold, each by its place, but for what Lightning keeps for itself."""
    modules = [module for part in parts for module in part.modules()]
    return {
        (place, name): value
        for place, module in enumerate(modules)
        for name, value in vars(module).items()
        if not name.startswith("_")
    }


def digest_of(structure: Structure, inputs: Sequence[Tensor]) -> str:
    """Digest of the bits of `inputs`, and of how they nest."""
    numbers = [fingerprints(tensor, count=1).tobytes() for tensor in inputs]
    return sha256(repr(structure).encode() + b"".join(numbers)).hexdigest()


def fresh(tensor: Tensor, *, like: Tensor) -> Tensor:
    """A tensor that nobody else holds: the user's step may write into it."""
    return tensor.to(like.device, copy=True)


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether both hold the same: as bits, since -0.0 and 0.0 are equal, and two NaN are not."""
    if one.dtype != other.dtype or one.shape != other.shape or one.device != other.device:
        return False
    return torch.equal(_bits(one), _bits(other))


def _bits(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)
