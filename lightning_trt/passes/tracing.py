"""What is known of channels while a graph is walked: the unknowns of tensors, and how constants take part in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.passes.unknowns import PINNED, UnknownFactors, Unknowns

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["Share", "Tracing", "Written", "along", "attribute", "lies_on"]

Written = tuple[Unknowns, ...] | None
"""Unknowns of a node's outputs; None where it pins what it reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How a constant takes part: `unknowns` broadcast to its shape; divided if `is_written`, else multiplied.

    `is_size` says that its magnitudes tell how large the channel is.
    """

    unknowns: Unknowns
    is_written: bool
    is_size: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """The unknowns of tensors seen so far by name, and the shares of constants by name, each with its node."""

    factors: UnknownFactors
    unknowns: dict[str, Unknowns]
    shares: dict[str, list[tuple[ir.Node, Share]]]

    def of(self, value: ir.Value | None) -> Unknowns:
        """Unknowns of a tensor, of its rank."""
        rank = 0 if value is None or value.shape is None else value.shape.rank()
        return self.unknowns.get("" if value is None else str(value.name), np.full((1,) * rank, PINNED))

    def is_pinned(self, value: ir.Value | None) -> bool:
        """Whether all factors of a tensor are one."""
        return not self.factors.roots(self.of(value)).any()

    def take(self, node: ir.Node, index: int, unknowns: Unknowns, *, is_written: bool, is_size: bool) -> None:
        """Nothing; the constant at input `index`, where there is one, takes the factors of `unknowns`."""
        value = node.inputs[index] if index < len(node.inputs) else None
        if value is not None:
            self.shares[str(value.name)].append(
                (node, Share(unknowns=unknowns, is_written=is_written, is_size=is_size))
            )


def attribute(node: ir.Node, name: str, default: int) -> int:
    """An integer attribute of a node, or what ONNX says where it is not written."""
    return node.attributes[name].as_int() if name in node.attributes else default


def lies_on(unknowns: Unknowns, axis: int) -> bool:
    """Whether the factor depends on the place along `axis` alone."""
    return all(size == 1 for each, size in enumerate(unknowns.shape) if each != axis)


def along(unknowns: Unknowns, axis: int, rank: int) -> Unknowns:
    """A vector as an array of `rank` whose `axis` it is."""
    return unknowns.reshape([-1 if each == axis else 1 for each in range(rank)])
