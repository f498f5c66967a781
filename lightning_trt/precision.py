"""The precisions and what each asks for, and the data types that a report counts layers by.

Nothing here knows a backend: whether a precision can be had is the backend's word (`Backend.why_not`).
"""

from __future__ import annotations

from enum import Enum

__all__ = ["DType", "Precision", "PrecisionHome"]


class DType(Enum):
    """Data type of a tensor or a layer, named as reports and manifests spell it."""

    fp32 = "fp32"
    fp16 = "fp16"
    bf16 = "bf16"
    fp8 = "fp8"
    int8 = "int8"
    int32 = "int32"
    int64 = "int64"
    bool = "bool"
    other = "other"


class Precision(Enum):
    """Arithmetic of a candidate.

    `fp32` means fp32 with TF32 off. The quantized ones, `int8` and `fp8`, quantize where ranges allow and compute the
    rest in the settings' `high_precision`.

    Example:
        >>> from lightning_trt.precision import Precision
        >>> [precision.name for precision in Precision if precision.is_quantized]
        ['int8', 'fp8']
    """

    fp32 = "fp32"
    tf32 = "tf32"
    fp16 = "fp16"
    bf16 = "bf16"
    int8 = "int8"
    fp8 = "fp8"

    @property
    def is_quantized(self) -> bool:
        """Whether this precision needs ranges, so a calibrator."""
        return self in {Precision.int8, Precision.fp8}

    @property
    def dtype(self) -> DType:
        """Data type in which this precision computes where it can."""
        return DType.fp32 if self is Precision.tf32 else DType[self.name]


class PrecisionHome(Enum):
    """Where a backend reads the precision: the whole difference between the TensorRT generations."""

    graph = "graph"
    """The ONNX is typed and carries Q/DQ: TensorRT 10 strongly typed, 11, TensorRT-RTX, ONNX Runtime."""

    builder = "builder"
    """FP16 and INT8 builder flags, with Q/DQ, a calibrator or a calibration cache.

    TensorRT 8.x to 10.x weakly typed.
    """
