"""A net's twin: channels rescaled by powers of two, their readers by the inverse; the same function, bit for bit.

A stand-in for nets whose folded batch norms left channels of very different size, as MobileNetV2's are: the hard case
of quantization with one scale for a tensor, without another function to learn or to load.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["twin"]


NetT = TypeVar("NetT", bound=nn.Module)


def twin(net: NetT, *, octaves: int = 3, seed: int = 0) -> NetT:
    """A copy of `net` whose channels are multiplied by powers of two from `2**-octaves` to `2**octaves`.

    `net` tells by `streams()` which channels may be: those that pass through nothing but what commutes with a positive
    factor.
    """
    other = deepcopy(net)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for stream in other.streams():
            factors = 2.0 ** torch.randint(-octaves, octaves + 1, (stream.channels,), generator=generator)
            for tensor, first in stream.writers:
                _scale(tensor, factors, axis=0, first=first)
            for tensor, first in stream.readers:
                _scale(tensor, (1 / factors).repeat_interleave(stream.repeats), axis=1, first=first)
    return other


def _scale(tensor: Tensor, factors: Tensor, *, axis: int, first: int) -> None:
    """Nothing; the rows or columns of `tensor` from `first` on are multiplied."""
    along = [-1 if each == axis else 1 for each in range(tensor.ndim)]
    tensor.narrow(axis, first, len(factors)).mul_(factors.reshape(along))
