"""The bins of the float-bit histogram: the upper bits of the float itself, so that there is no range to guess.

The bin of a float32 is its bit pattern without the sign, shifted right by 17: the exponent and the first 6 bits of the
mantissa. Bins of normal numbers are between 1/128 and 1/64 of their value wide. Counting by them is exact under any
order and any split of the data, which no histogram is whose range grows with the data
(https://github.com/microsoft/onnxruntime/issues/9597, https://github.com/NVIDIA/Model-Optimizer/issues/619).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "FINITE_BINS",
    "INF_BIN",
    "NUM_BINS",
    "SHIFT",
    "bin_of",
    "borders",
    "lower_edges",
    "magnitudes",
    "upper_edge",
]

SHIFT = 17
"""Bits of the pattern that a bin leaves open: 23 of the mantissa less the 6 that it keeps."""

NUM_BINS = 1 << (31 - SHIFT)
"""Bins for each sign."""

INF_BIN = 0x7F800000 >> SHIFT
"""Bin of infinity; what lies above it is NaN."""

FINITE_BINS = INF_BIN
"""Number of bins that finite values fall into."""


def bin_of(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Bin of the magnitude of each value, of the shape of `values`.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.calibrators.bins import bin_of
        >>> bin_of(np.array([0.0, 1.0, -1.0, 1.01, 1.02], np.float32)).tolist()
        [0, 8128, 8128, 8128, 8129]
    """
    bits: NDArray[np.uint32] = np.abs(np.asarray(values, np.float32, order="C")).view(np.uint32)
    shifted: NDArray[np.uint32] = bits >> np.uint32(SHIFT)
    return shifted.astype(np.int64)


def lower_edges() -> NDArray[np.float32]:
    """Least magnitude in each bin of finite values, of shape `(FINITE_BINS,)`.

    Example:
        >>> from lightning_trt.calibrators.bins import lower_edges
        >>> lower_edges()[8127:8130].tolist()
        [0.9921875, 1.0, 1.015625]
    """
    bits: NDArray[np.uint32] = np.arange(FINITE_BINS, dtype=np.uint32) << np.uint32(SHIFT)
    return bits.view(np.float32)


def borders(largest: float) -> NDArray[np.float64]:
    """Borders between the bins of finite values, none beyond `largest`, of shape `(FINITE_BINS + 1,)`.

    So that the bin of the largest magnitude ends with it, and those behind are empty.

    Example:
        >>> from lightning_trt.calibrators.bins import borders
        >>> borders(1.01)[8127:8130].tolist()
        [0.9921875, 1.0, 1.01]
    """
    ends: NDArray[np.float64] = np.append(lower_edges(), np.inf).astype(np.float64)
    return np.minimum(ends, largest)


def upper_edge(index: int) -> float:
    """Least magnitude above the bin, the end of its half-open interval; infinite for the last bin of finite values.

    Example:
        >>> from lightning_trt.calibrators.bins import upper_edge
        >>> upper_edge(8128)
        1.015625
    """
    return float(np.uint32((index + 1) << SHIFT).view(np.float32))


def magnitudes(positive: NDArray[np.int64], negative: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of finite values by the bin of their magnitude, of shape `(FINITE_BINS,)`.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.calibrators.bins import NUM_BINS, magnitudes
        >>> ones = np.ones(NUM_BINS, np.int64)
        >>> int(magnitudes(ones, ones)[0])
        2
    """
    return (positive + negative)[:FINITE_BINS]
