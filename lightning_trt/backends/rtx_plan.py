"""What a plan of TensorRT-RTX computes in, read from the text of its compiled graph.

TensorRT-RTX chooses kernels on the user's GPU, and its inspector needs one; the kernels' types are decided before, and
stand in the plan. The text is not documented: what cannot be read counts as nothing.

Rules:
    1. A layer is a kernel of the first `main`; those behind it are parts of kernels. Calls that compute shapes
       are none, nor is what only moves or converts.
    2. It computes in the type of the first tensor that it takes.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from lightning_trt.precision import DType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["kernels_of", "layers_of"]

_TENSOR = re.compile(r'\n\s*(?:sub_)?tensor=\{[^\n]* name="([^"]+)"[^\n]* type=(\w+)')
_KERNEL = re.compile(r'\n\s*(\w+)=\{ name="?([^" ]+)"?[^\n]*? input(?:_args)?=\{ ?"([^"]+)"')
_MOVES = frozenset({"cast", "concat", "reshape", "slice", "transpose"})
_DTYPES = {
    "float": DType.fp32,
    "half": DType.fp16,
    "bfloat": DType.bf16,
    "bf16": DType.bf16,
    "fp8_e4m3fn": DType.fp8,
    "fp8_e4m3": DType.fp8,
    "int8": DType.int8,
    "int32": DType.int32,
    "int64": DType.int64,
    "bool": DType.bool,
}


def layers_of(plan: bytes) -> Mapping[DType, int]:
    """Number of kernels by the data type they compute in."""
    return dict(Counter(dtype for _, dtype in kernels_of(plan)))


def kernels_of(plan: bytes) -> Iterator[tuple[str, DType]]:
    """Kind of each kernel (`corrltn` is a convolution, `fully_connected` a product, others are fused) and its type."""
    text = plan.decode("latin1")
    start = text.find("\nmain {")
    types = dict(_TENSOR.findall(text))
    for kind, name, first in _KERNEL.findall(text, start, text.find("\n}", start)) if start >= 0 else ():
        if kind not in _MOVES:
            yield (name if kind.endswith("function") else kind), _DTYPES.get(types.get(first, ""), DType.other)
