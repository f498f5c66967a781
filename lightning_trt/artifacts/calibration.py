"""What a calibration pass saw, and the ranges that calibrators read from it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Range", "RangeFit", "Ranges", "Statistics", "TensorStatistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorStatistics:
    """What one pass saw of one tensor; all of it is independent of the order of the samples.

    `nans` and `infs` count values. `low` and `high` are the extremes of all samples that are finite throughout.
    `sample_lows` and `sample_highs` are the extremes of each sample, float32 of shape `(samples,)` in index order, not
    finite where the sample is not. `positive` and `negative` count values by the upper bits of their float32 pattern
    (exponent and first 6 mantissa bits, sign cleared): int64 arrays of shape `(16384,)`, or None after a pass that was
    asked for extremes alone.
    """

    count: int
    nans: int
    infs: int
    low: float
    high: float
    sample_lows: NDArray[np.float32]
    sample_highs: NDArray[np.float32]
    positive: NDArray[np.int64] | None
    negative: NDArray[np.int64] | None

    @property
    def zeros(self) -> int | None:
        """Number of values of magnitude below 2**-132, which is zero and the least denormals; None if not counted."""
        if self.positive is None or self.negative is None:
            return None
        return int(self.positive[0] + self.negative[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What one calibration pass saw of one graph.

    `tensors` are by ONNX tensor name. `indices` are the dataset items it saw, ascending, counted through all
    validation loaders. `fingerprints` are uint64 of shape `(samples,)`: one number for what the graph was fed with for
    each sample. `graph` is the digest of the graph and its weights, `block_size` the number of samples in one forward
    pass. `is_recalled` tells that an earlier run's pass saw it, and the graph did not run again.
    """

    tensors: Mapping[str, TensorStatistics]
    indices: tuple[int, ...]
    fingerprints: NDArray[np.uint64]
    graph: str
    block_size: int
    is_recalled: bool = False

    @property
    def samples(self) -> int:
        """Number of dataset items seen."""
        return len(self.indices)

    @property
    def has_histograms(self) -> bool:
        """Whether every calibrator can read it, or only those that need extremes alone."""
        return all(tensor.positive is not None for tensor in self.tensors.values())

    @property
    def key(self) -> str:
        """Digest of all that the numbers depend on: graph and weights, samples and their choice, block size."""
        digest = sha256(f"{self.graph} {self.block_size} {self.indices}".encode())
        digest.update(self.fingerprints.astype("<u8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Values from `low` to `high` keep their meaning after quantization; arrays along `axis` where per channel.

    Example:
        >>> from lightning_trt.artifacts import Range
        >>> Range(low=-1.0, high=3.0).amax
        3.0
    """

    low: float | NDArray[np.float32]
    high: float | NDArray[np.float32]
    axis: int | None = None

    @property
    def amax(self) -> float | NDArray[np.float32]:
        """Largest magnitude in the range, per channel where the range is."""
        # Imported here: who only reads reports starts without it.
        import numpy as np  # noqa: PLC0415 - see above

        largest = np.maximum(np.abs(self.low), np.abs(self.high))
        return float(largest) if self.axis is None else largest


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Range of each tensor that will carry Q/DQ, by ONNX tensor name: the one currency of calibration."""

    tensors: Mapping[str, Range]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeFit:
    """How a range fits what was seen of its tensor, in symmetric int8.

    `clipped` and `zeroed` are the shares, of the values that are not zero, that lie beyond amax and that round to zero.
    `snr_db` is the expected signal-to-noise ratio: the values' sum of squares over that of their errors, in decibels.
    All three are None where values were not counted by magnitude; `snr_db` is, too, where there is no signal or no
    error.
    """

    name: str
    low: float
    high: float
    clipped: float | None
    zeroed: float | None
    snr_db: float | None
