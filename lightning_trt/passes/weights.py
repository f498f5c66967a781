"""Scales and quantized constants.

Rules:
    1. A scale is amax / 127 for int8 and amax / 448 for fp8 (E4M3), symmetric: the zero point is zero.
    2. A scale is rounded to the data type it will be written in, and weights are quantized with the rounded scale.
    3. A scale is at least the smallest normal number of that type (fp16: 6.1e-5): below it digits go, and at zero
       TensorRT refuses to build.
    4. Where amax is zero nothing is known of the size of what may come: the scale is 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from lightning_trt.passes.limits import limits_of
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LARGEST", "QUANTIZED_TYPE", "channel_amax", "quantize", "scale_of"]

LARGEST = {Precision.int8: 127.0, Precision.fp8: 448.0}
"""Greatest magnitude that a quantized type holds."""

QUANTIZED_TYPE = {Precision.int8: ir.DataType.INT8, Precision.fp8: ir.DataType.FLOAT8E4M3FN}
"""What ONNX calls the type."""


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
    """`weight` in the quantized type, with a scale for each channel along `axis`.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.passes.weights import quantize
        >>> from lightning_trt.precision import Precision
        >>> weight, scale = np.array([[1.0, -0.5]], np.float32), np.array([1 / 127], np.float32)
        >>> quantize(weight, scale, axis=0, precision=Precision.int8)
        array([[127, -64]], dtype=int8)
    """
    along = [-1 if each == axis else 1 for each in range(weight.ndim)]
    largest = LARGEST[precision]
    scaled = np.clip(weight.astype(np.float32) / scale.astype(np.float32).reshape(along), -largest, largest)
    rounded = np.rint(scaled) if precision is Precision.int8 else scaled
    codes: NDArray[np.generic] = rounded.astype(QUANTIZED_TYPE[precision].numpy())
    return codes
