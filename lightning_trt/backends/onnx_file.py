"""What an ONNX file says of itself, where no manifest says more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, helper

from lightning_trt.artifacts import TensorSpec
from lightning_trt.backends.positions import boundary_of
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Boundary

__all__ = ["described"]

_PRECISIONS = {
    TensorProto.FLOAT8E4M3FN: Precision.fp8,
    TensorProto.INT8: Precision.int8,
    TensorProto.BFLOAT16: Precision.bf16,
    TensorProto.FLOAT16: Precision.fp16,
}


def described(path: Path) -> tuple[Boundary, Precision]:
    """Boundary and precision of the ONNX at `path`.

    It takes its inputs as positional arguments, in the file's order, and gives one tensor, or a tuple of several. The
    precision is the lowest type among its weights.
    """
    graph = onnx.load(str(path), load_external_data=False).graph
    weights = {each.name: each.data_type for each in graph.initializer}
    inputs = tuple(_spec(value) for value in graph.input if value.name not in weights)
    outputs = tuple(_spec(value) for value in graph.output)
    boundary = boundary_of(inputs, outputs)
    used = set(weights.values())
    precision = next((each for number, each in _PRECISIONS.items() if number in used), Precision.fp32)
    return boundary, precision


def _spec(value: onnx.ValueInfoProto) -> TensorSpec:
    tensor = value.type.tensor_type
    sizes = (dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in tensor.shape.dim)
    # An axis without a name may have any size: it gets a name that no other axis has.
    shape = tuple(f"{value.name}_{axis}" if size == "" else size for axis, size in enumerate(sizes))
    return TensorSpec(name=value.name, dtype=helper.tensor_dtype_to_np_dtype(tensor.elem_type).name, shape=shape)
