"""What the floating point types can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import ml_dtypes

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["Limits", "limits_of"]


class Limits(NamedTuple):
    """Magnitudes at the ends of a type: the greatest finite one, the least with all digits, the least at all."""

    greatest: float
    smallest_normal: float
    smallest_subnormal: float


def limits_of(dtype: ir.DataType) -> Limits:
    """The limits of a floating point type.

    Example:
        >>> import onnx_ir as ir
        >>> from lightning_trt.passes.limits import limits_of
        >>> limits_of(ir.DataType.FLOAT16).greatest
        65504.0
    """
    info = ml_dtypes.finfo(dtype.numpy())  # type: ignore[no-untyped-call]  # ml_dtypes types nothing here
    return Limits(float(info.max), float(info.smallest_normal), float(info.smallest_subnormal))
