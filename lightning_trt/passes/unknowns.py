"""Unknown factors of channels, and which of them are the same: a union-find over whole arrays.

Arrays of unknowns have the rank of the tensor that they belong to, and size 1 along axes on which the factor does not
depend.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["PINNED", "UnknownFactors", "Unknowns", "narrowed"]

Unknowns = NDArray[np.int64]

PINNED = 0
"""The unknown whose factor is one."""


class UnknownFactors:
    """Unknowns by number.

    Example:
        >>> from lightning_trt.passes.unknowns import UnknownFactors
        >>> factors = UnknownFactors()
        >>> one, other = factors.fresh(2), factors.fresh(2)
        >>> factors.join(one, other)
        >>> factors.pin(other[:1])
        >>> factors.roots(one).tolist(), factors.roots(other).tolist()
        ([0, 2], [0, 2])
    """

    def __init__(self) -> None:
        self._parents = [PINNED]

    def fresh(self, count: int) -> Unknowns:
        """New unknowns, of shape `(count,)`."""
        start = len(self._parents)
        self._parents += range(start, start + count)
        return np.arange(start, start + count, dtype=np.int64)

    def join(self, one: Unknowns, other: Unknowns) -> None:
        """Nothing; `one` and `other`, broadcast, are the same from now on."""
        pairs = np.stack([each.ravel() for each in np.broadcast_arrays(one, other)])
        for left, right in np.unique(pairs, axis=1).T.tolist():
            first, second = sorted((self._root(left), self._root(right)))
            self._parents[second] = first

    def pin(self, unknowns: Unknowns) -> None:
        """Nothing; the factors of `unknowns` are one from now on."""
        self.join(unknowns, np.array(PINNED))

    def roots(self, unknowns: Unknowns) -> Unknowns:
        """The unknowns that stand for these: equal where the factors are."""
        each, places = np.unique(unknowns, return_inverse=True)
        return np.array([self._root(one) for one in each.tolist()], np.int64)[places].reshape(unknowns.shape)

    def _root(self, unknown: int) -> int:
        while self._parents[unknown] != unknown:
            self._parents[unknown] = self._parents[self._parents[unknown]]
            unknown = self._parents[unknown]
        return unknown


def narrowed(unknowns: Unknowns) -> Unknowns:
    """The same unknowns with size 1 along every axis on which they do not change.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.passes.unknowns import narrowed
        >>> narrowed(np.array([[1, 1], [2, 2]])).shape
        (2, 1)
    """
    for axis in range(unknowns.ndim):
        first = unknowns.take([0], axis)
        if (unknowns == first).all():
            unknowns = first
    return unknowns
