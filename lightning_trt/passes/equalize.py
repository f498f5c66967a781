"""Channels of one tensor brought to one size, so that one scale serves them all.

Cross-layer equalization of Nagel et al. 2019 (https://arxiv.org/abs/1906.04721, section 4.1), from weights alone, over
everything that `channels` finds to share its channels: not pairs of layers only, but residual branches,
concatenations, depthwise convolutions, layer norms and the values of attention.

Rules:
    1. A channel's factor is the square root of the largest weight that writes it over the largest that reads it, so
       that after it the two are the same. Each weight counts as the factors of its other channels leave it; all factors
       are found together, by repetition.
    2. Factors are rounded to powers of two: in floating point nothing is rounded, and the graph computes the same bits.
    3. A channel whose weights are all zero where it is written or read, or that nothing writes or reads, keeps its
       size.
    4. A weight or bias that a factor would take beyond what its type holds with all digits leaves the graph unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from lightning_trt.passes.channels import channels_of
from lightning_trt.passes.initializers import array_of
from lightning_trt.passes.limits import limits_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from lightning_trt.passes.channels import Channels
    from lightning_trt.passes.tracing import Share
    from lightning_trt.passes.unknowns import Unknowns

__all__ = ["equalize", "equalized"]

_ROUNDS = 64
_LARGEST_MOVE = 1 / 16
"""In octaves; rounds end when no factor moves further, an eighth of what rounding to powers of two leaves open."""


def equalize(model: ir.Model) -> ir.Model:
    """The same function, bit for bit in floating point, with the channels of each tensor brought to one size.

    `model` is clean and float; names stay. A graph in which nothing can be rescaled comes back as it is (rules 1 to 4).
    """
    return equalized(model)[0]


def equalized(model: ir.Model) -> tuple[ir.Model, dict[str, NDArray[np.int64]]]:
    """What `equalize` gives, and by how many octaves the channels of which tensor grew, by name.

    Octaves have the rank of their tensor, and size 1 along axes on which they do not change.
    """
    inferred = ShapeInferencePass()(model.clone()).model
    channels = channels_of(inferred)
    octaves = np.rint(_solved(inferred, channels)).astype(np.int64)
    moves = {name: _moves(shares, octaves) for name, shares in channels.constants.items()}
    scaled = {
        name: _grown(array_of(model.graph.initializers[name]), moved) for name, moved in moves.items() if moved.any()
    }
    if not all(_is_held(each) for each in scaled.values()):
        return model, {}
    written = model.clone()
    for name, array in scaled.items():
        constant = written.graph.initializers[name]
        constant.const_value = ir.Tensor(array, name=name)
        constant.shape = ir.Shape(array.shape)
    grown = {name: -octaves[unknowns] for name, unknowns in channels.activations.items()}
    return written, {name: each for name, each in grown.items() if each.any()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weight:
    """Magnitudes of a weight in octaves, zero as minus infinity, and the unknowns that it writes and reads."""

    size: NDArray[np.float64]
    written: Unknowns | None
    read: Unknowns | None

    def left(self, octaves: NDArray[np.float64]) -> NDArray[np.float64]:
        """Magnitudes once the factors are in."""
        left = self.size
        if self.written is not None:
            left = left - octaves[self.written]
        return left if self.read is None else left + octaves[self.read]


def _solved(model: ir.Model, channels: Channels) -> NDArray[np.float64]:
    """The factor of each unknown in octaves (rules 1 and 3)."""
    weights = [_weight(model, channels, name) for name in channels.constants]
    octaves = np.zeros(channels.number)
    for _ in range(_ROUNDS):
        left = [(each, each.left(octaves)) for each in weights]
        written = _largest(channels.number, ((size, each.written) for each, size in left))
        read = _largest(channels.number, ((size, each.read) for each, size in left))
        is_known = np.isfinite(written) & np.isfinite(read)
        is_known[0] = False
        # Half a step: all factors move at once, and neighbours would overshoot together.
        moves = np.where(is_known, np.subtract(written, read, where=is_known, out=np.zeros_like(read)) / 4, 0.0)
        octaves += moves
        if np.abs(moves).max(initial=0.0) <= _LARGEST_MOVE:
            break
    return octaves


def _weight(model: ir.Model, channels: Channels, name: str) -> _Weight:
    """The constant `name` as rule 1 sees it, reduced to its largest magnitudes along axes without unknowns."""
    shares = {share.is_written: share.unknowns for share in channels.constants[name] if share.is_size}
    sizes = np.abs(array_of(model.graph.initializers[name]).astype(np.float64))
    fixed = tuple(
        axis for axis in range(sizes.ndim) if all(each.shape[axis] == 1 for each in shares.values() if each.ndim)
    )
    with np.errstate(divide="ignore"):
        return _Weight(
            size=np.log2(sizes.max(axis=fixed, keepdims=True, initial=0.0)),
            written=shares.get(True),
            read=shares.get(False),
        )


def _largest(number: int, sizes: Iterable[tuple[NDArray[np.float64], Unknowns | None]]) -> NDArray[np.float64]:
    """The largest size that each unknown has a part in."""
    largest = np.full(number, -np.inf)
    for size, unknowns in sizes:
        if unknowns is not None:
            alike = tuple(axis for axis, width in enumerate(unknowns.shape) if width == 1)
            each = size.max(axis=alike, keepdims=True)
            np.maximum.at(largest, np.broadcast_to(unknowns, each.shape).ravel(), each.ravel())
    return largest


def _moves(shares: Iterable[Share], octaves: NDArray[np.int64]) -> NDArray[np.int64]:
    """Octaves by which each element of a constant grows (rule 2)."""
    return sum(
        ((-1 if share.is_written else 1) * octaves[share.unknowns] for share in shares), start=np.zeros((), np.int64)
    )


def _grown(array: NDArray[np.generic], octaves: NDArray[np.int64]) -> NDArray[np.generic]:
    grown: NDArray[np.generic] = np.ldexp(array.astype(np.float64), octaves).astype(array.dtype)
    return grown


def _is_held(array: NDArray[np.generic]) -> bool:
    """Rule 4."""
    limits = limits_of(ir.DataType.from_numpy(array.dtype))
    sizes = np.abs(array.astype(np.float64))
    return bool(((sizes == 0) | ((sizes >= limits.smallest_normal) & (sizes <= limits.greatest))).all())
