"""Scales and quantized constants.

Rules:
    1. A scale is amax / 127 for int8 and amax / 448 for fp8 (E4M3), symmetric: the zero point is zero.
    2. A scale is rounded to the data type it will be written in, and weights are quantized with the rounded scale.
    3. A scale is at least the smallest normal number of that type (fp16: 6.1e-5): below it digits go, and at zero
       TensorRT refuses to build.
    4. Where amax is zero nothing is known of the size of what may come: the scale is 1.
    5. A weight has a scale for each output channel, or one for all (`WeightRanges.per_tensor`); its amax is its largest
       magnitude, or the one of least squared error (`WeightRanges.clipped`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from lightning_trt.passes.limits import limits_of
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LARGEST", "QUANTIZED_TYPE", "WeightRanges", "channel_amax", "quantize", "scale_of", "weight_amax"]

LARGEST = {Precision.int8: 127.0, Precision.fp8: 448.0}
"""Greatest magnitude that a quantized type holds."""

QUANTIZED_TYPE = {Precision.int8: ir.DataType.INT8, Precision.fp8: ir.DataType.FLOAT8E4M3FN}
"""What ONNX calls the type."""

_FRACTIONS = np.arange(64, 31, -1, dtype=np.float32) / 64
"""Shares of the largest magnitude that a clipped range may keep; the widest first, because it wins where equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightRanges:
    """What decides the ranges of weights (rule 5).

    Attributes:
        per_tensor: Whether all output channels of a weight share one scale.
        clipped: Whether the range is that of least squared error rather than all of the weight.
    """

    per_tensor: bool = False
    clipped: bool = False


def weight_amax(
    weight: NDArray[np.generic], *, axis: int, chosen: WeightRanges, precision: Precision
) -> NDArray[np.float32]:
    """Largest magnitude in the range of a weight: shape `(channels,)`, or `()` per tensor (rule 5).

    The range of least squared error is looked for among 33 shares of the largest magnitude, from one half to all of it
    (the criterion of Banner et al. 2018, https://arxiv.org/abs/1810.05723, by search).

    Example:
        >>> import numpy as np
        >>> from lightning_trt.passes.weights import WeightRanges, weight_amax
        >>> from lightning_trt.precision import Precision
        >>> weight = np.array([[1.0, -3.0], [0.5, 2.0]], np.float32)
        >>> weight_amax(weight, axis=0, chosen=WeightRanges(per_tensor=True), precision=Precision.int8)
        array(3., dtype=float32)
    """
    rows = np.moveaxis(weight.astype(np.float32), axis, 0).reshape(weight.shape[axis], -1)
    rows = rows.reshape(1, -1) if chosen.per_tensor else rows
    amax = channel_amax(rows, 0)
    if chosen.clipped:
        amax = amax * _FRACTIONS[np.argmin([_error(rows, amax * each, precision) for each in _FRACTIONS], axis=0)]
    return amax.reshape(()) if chosen.per_tensor else amax


def _error(rows: NDArray[np.float32], amax: NDArray[np.float32], precision: Precision) -> NDArray[np.float32]:
    """Squared error of each row, quantized with a range up to `amax`."""
    scale = scale_of(amax, precision=precision, scale_type=ir.DataType.FLOAT).astype(np.float32)
    codes = quantize(rows, scale, axis=0, precision=precision).astype(np.float32)
    error: NDArray[np.float32] = ((codes * scale[:, None] - rows) ** 2).sum(axis=1)
    return error


def channel_amax(weight: NDArray[np.generic], axis: int) -> NDArray[np.float32]:
    """Largest magnitude of each channel along `axis`: shape `(channels,)`.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.passes.weights import channel_amax
        >>> channel_amax(np.array([[1.0, -3.0], [0.5, 2.0]], np.float32), axis=0)
        array([3., 2.], dtype=float32)
    """
    others = tuple(each for each in range(weight.ndim) if each != axis)
    amax: NDArray[np.float32] = np.abs(weight.astype(np.float32)).max(axis=others, initial=0.0)
    return amax


def scale_of(
    amax: float | NDArray[np.float32], *, precision: Precision, scale_type: ir.DataType
) -> NDArray[np.generic]:
    """Scale for values up to `amax` in magnitude, as an array of `scale_type` (rules 1 to 4).

    Example:
        >>> import numpy as np
        >>> import onnx_ir as ir
        >>> from lightning_trt.passes.weights import scale_of
        >>> from lightning_trt.precision import Precision
        >>> scale_of(np.array([127.0, 0.0, 1e-9], np.float32), precision=Precision.int8, scale_type=ir.DataType.FLOAT16)
        array([1.000e+00, 1.000e+00, 6.104e-05], dtype=float16)
    """
    kind = scale_type.numpy()
    smallest = limits_of(scale_type).smallest_normal
    known = np.where(np.asarray(amax) > 0, np.asarray(amax, np.float64) / LARGEST[precision], 1.0)
    return np.asarray(np.maximum(known, smallest).astype(kind))


def quantize(
    weight: NDArray[np.generic], scale: NDArray[np.generic], *, axis: int, precision: Precision
) -> NDArray[np.generic]:
    """`weight` in the quantized type, with a scale for each channel along `axis`, or one for all.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.passes.weights import quantize
        >>> from lightning_trt.precision import Precision
        >>> weight, scale = np.array([[1.0, -0.5]], np.float32), np.array([1 / 127], np.float32)
        >>> quantize(weight, scale, axis=0, precision=Precision.int8)
        array([[127, -64]], dtype=int8)
    """
    along = [-1 if each == axis and scale.ndim else 1 for each in range(weight.ndim)]
    largest = LARGEST[precision]
    scaled = np.clip(weight.astype(np.float32) / scale.astype(np.float32).reshape(along), -largest, largest)
    rounded = np.rint(scaled) if precision is Precision.int8 else scaled
    codes: NDArray[np.generic] = rounded.astype(QUANTIZED_TYPE[precision].numpy())
    return codes
