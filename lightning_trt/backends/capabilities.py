"""The least compute capability of each precision."""

from __future__ import annotations

from lightning_trt.precision import Precision

__all__ = ["least_capability", "parts_of"]

Capability = tuple[int, int]

# https://docs.nvidia.com/deeplearning/tensorrt/latest/getting-started/support-matrix.html. On 7.5 int8 convolutions
# run as fp16 (read from plans of TensorRT-RTX 1.7), on 6.1 they have no tensor cores.
_LEAST: dict[Precision, Capability] = {
    Precision.fp32: (5, 3),
    Precision.tf32: (8, 0),
    Precision.fp16: (5, 3),
    Precision.bf16: (8, 0),
    Precision.int8: (6, 1),
    Precision.fp8: (8, 9),
}


def least_capability(precision: Precision) -> Capability:
    """Major and minor number of the first compute capability that has this arithmetic.

    Example:
        >>> from lightning_trt.backends.capabilities import least_capability
        >>> from lightning_trt.precision import Precision
        >>> least_capability(Precision.fp8)
        (8, 9)
    """
    return _LEAST[precision]


def parts_of(capability: str) -> Capability:
    """Major and minor number of a compute capability.

    Example:
        >>> from lightning_trt.backends.capabilities import parts_of
        >>> parts_of("12.0") > parts_of("8.9")
        True
    """
    major, _, minor = capability.partition(".")
    return int(major), int(minor or 0)
