"""Which channels of which tensors can be rescaled together, so that the graph computes the same.

A channel that is divided by a positive factor where it is written, and multiplied by it where it is read, changes
nothing. The factor of each channel is an unknown; operators say which of them are the same (`commuting`), and one that
reaches an operator through which factors do not pass is pinned to one.

Rules:
    1. Inputs and outputs of the graph are pinned.
    2. A constant that is used in several places takes one factor for all; where something else uses it too, or its
       places disagree on its shape, its channels are pinned.
    3. Each operator hands on, reads, writes or pins what `commuting` says.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.passes.commuting import trace
from lightning_trt.passes.tracing import Share, Tracing
from lightning_trt.passes.unknowns import PINNED, UnknownFactors

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from lightning_trt.passes.unknowns import Unknowns

__all__ = ["Channels", "channels_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The unknown factors of a graph.

    Attributes:
        activations: Unknowns of each tensor that is not pinned, by name.
        constants: How constants take part, by name.
        number: How many unknowns there are, the pinned one (0) among them.
    """

    activations: Mapping[str, Unknowns]
    constants: Mapping[str, tuple[Share, ...]]
    number: int


def channels_of(model: ir.Model) -> Channels:
    """The unknown factors of a clean graph with known shapes (rules 1 to 3), numbered without gaps."""
    factors = UnknownFactors()
    tracing = Tracing(factors=factors, unknowns={}, shares=defaultdict(list))
    for node in model.graph:
        trace(node, tracing)
    for output in model.graph.outputs:
        factors.pin(tracing.of(output))
    for name, shares in tracing.shares.items():
        _join(model.graph.initializers[name], shares, factors)
    return _numbered(tracing)


def _join(constant: ir.Value, shares: list[tuple[ir.Node, Share]], factors: UnknownFactors) -> None:
    """Rule 2."""
    taking = {id(node) for node, _ in shares}
    by_kind = [[share.unknowns for _, share in shares if share.is_written is kind] for kind in (True, False)]
    agree = all(len({each.shape for each in kind}) <= 1 for kind in by_kind)
    if not agree or any(id(use.node) not in taking for use in constant.uses()) or constant.is_graph_output():
        for _, share in shares:
            factors.pin(share.unknowns)
        return
    for kind in by_kind:
        for other in kind[1:]:
            factors.join(kind[0], other)


def _numbered(tracing: Tracing) -> Channels:
    """What was traced, in numbers without gaps."""
    roots = {name: tracing.factors.roots(each) for name, each in tracing.unknowns.items()}
    shares = {
        name: [replace(share, unknowns=tracing.factors.roots(share.unknowns)) for _, share in each]
        for name, each in tracing.shares.items()
    }
    used = [each.ravel() for each in roots.values()]
    used += [share.unknowns.ravel() for each in shares.values() for share in each]
    numbers = np.unique(np.concatenate([np.array([PINNED]), *used]))
    activations = {name: _places(numbers, each) for name, each in roots.items() if each.any()}
    return Channels(
        activations=activations,
        constants={
            name: tuple(replace(share, unknowns=_places(numbers, share.unknowns)) for share in _once(each))
            for name, each in shares.items()
        },
        number=len(numbers),
    )


def _places(numbers: Unknowns, unknowns: Unknowns) -> Unknowns:
    return np.searchsorted(numbers, unknowns).astype(np.int64)


def _once(shares: list[Share]) -> list[Share]:
    """One share of each kind: those of several places are the same by rule 2."""
    return [
        next(share for share in shares if share.is_written is kind) for kind in {each.is_written for each in shares}
    ]
