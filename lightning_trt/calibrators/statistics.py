"""Statistics put together, and what they say of fp16."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from lightning_trt.artifacts import Statistics, TensorStatistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FP16_MAX", "beyond_fp16", "finite_extremes", "merge"]

ScalarT = TypeVar("ScalarT", bound=np.generic)

FP16_MAX = 65504.0
"""Greatest finite value of fp16."""


def beyond_fp16(statistics: Statistics) -> tuple[str, ...]:
    """Names of the tensors in which a magnitude above 65,504 was seen: fp16 holds them as infinity.

    A run on a CPU does not show it, because kernels there compute fp16 graphs in fp32.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics, TensorStatistics
        >>> from lightning_trt.calibrators import beyond_fp16
        >>> each = np.zeros(1, np.float32)
        >>> seen = TensorStatistics(
        ...     count=2, nans=0, infs=0, low=-7e4, high=1.0,
        ...     sample_lows=each, sample_highs=each, positive=None, negative=None,
        ... )
        >>> statistics = Statistics(
        ...     tensors={"mul": seen}, indices=(0,), fingerprints=np.zeros(1, np.uint64), graph="", block_size=8
        ... )
        >>> beyond_fp16(statistics)
        ('mul',)
    """
    return tuple(name for name, tensor in statistics.tensors.items() if max(-tensor.low, tensor.high) > FP16_MAX)


def merge(one: Statistics, other: Statistics) -> Statistics:
    """The statistics of one pass over the samples of both, exactly, in whatever order parts are merged.

    `one` and `other` are of the same graph and block size, and share no sample.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.artifacts import Statistics
        >>> from lightning_trt.calibrators import merge
        >>> part = [
        ...     Statistics(tensors={}, indices=(i,), fingerprints=np.array([i], np.uint64), graph="g", block_size=8)
        ...     for i in (3, 1)
        ... ]
        >>> merge(*part).indices
        (1, 3)
    """
    if (one.graph, one.block_size, set(one.tensors)) != (other.graph, other.block_size, set(other.tensors)):
        raise ValueError("these statistics are of two graphs, or of two block sizes; merge parts of one pass.")
    if set(one.indices) & set(other.indices):
        raise ValueError("these statistics share samples, which would count twice; merge parts that share none.")
    order = np.argsort(np.array([*one.indices, *other.indices], np.int64), kind="stable")
    sizes = (one.samples, other.samples)
    return Statistics(
        tensors={name: _merged(one.tensors[name], other.tensors[name], order, sizes) for name in one.tensors},
        indices=tuple(sorted((*one.indices, *other.indices))),
        fingerprints=_joined(one.fingerprints, other.fingerprints, order, sizes),
        graph=one.graph,
        block_size=one.block_size,
    )


def _merged(
    one: TensorStatistics, other: TensorStatistics, order: NDArray[np.int64], sizes: tuple[int, int]
) -> TensorStatistics:
    lows = _joined(one.sample_lows, other.sample_lows, order, sizes)
    highs = _joined(one.sample_highs, other.sample_highs, order, sizes)
    low, high = finite_extremes(lows, highs)
    return TensorStatistics(
        count=one.count + other.count,
        nans=one.nans + other.nans,
        infs=one.infs + other.infs,
        low=low,
        high=high,
        sample_lows=lows,
        sample_highs=highs,
        positive=None if one.positive is None or other.positive is None else one.positive + other.positive,
        negative=None if one.negative is None or other.negative is None else one.negative + other.negative,
    )


def finite_extremes(lows: NDArray[np.float32], highs: NDArray[np.float32]) -> tuple[float, float]:
    """Least and greatest value of the samples that are finite throughout; 0 and 0 where there is none.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.calibrators.statistics import finite_extremes
        >>> finite_extremes(np.array([-1, np.nan], np.float32), np.array([2, np.nan], np.float32))
        (-1.0, 2.0)
    """
    finite = np.isfinite(lows) & np.isfinite(highs)
    if not finite.any():
        return 0.0, 0.0
    return float(lows[finite].min()), float(highs[finite].max())


def _joined(
    one: NDArray[ScalarT], other: NDArray[ScalarT], order: NDArray[np.int64], sizes: tuple[int, int]
) -> NDArray[ScalarT]:
    # A graph that gets several rows for a dataset item (crops) has as many entries for it, side by side.
    rows = np.concatenate([one.reshape(sizes[0], -1), other.reshape(sizes[1], -1)])
    return rows[order].reshape(-1)
