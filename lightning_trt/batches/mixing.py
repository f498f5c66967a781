"""Numbers that look random and are the same everywhere, for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["mixed"]


def mixed(count: int, *, seed: int = 0) -> NDArray[np.uint64]:
    """The first `count` numbers of SplitMix64 from `seed`; a shorter row is the beginning of a longer one.

    Steele, Lea and Flood 2014 (https://doi.org/10.1145/2714064.2660195). Not numpy's generators, whose choices may
    change with its version: what is chosen and kept by these must be found again by later ones.

    Example:
        >>> from lightning_trt.batches.mixing import mixed
        >>> hex(mixed(1)[0])
        '0xe220a8397b1dcdaf'
    """
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    numbers: NDArray[np.uint64] = steps + np.uint64(seed)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    last: NDArray[np.uint64] = numbers ^ (numbers >> np.uint64(31))
    return last
