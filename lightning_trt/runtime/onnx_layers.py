"""What onnxruntime computes in, read from the graph that its optimizer wrote.

Rules:
    1. A layer is a node that computes; what moves, shapes or converts values is none, nor is what only reads constants.
    2. A layer computes in the type of the values that it takes: int8 or fp8 where all of them, constants aside, come
       out of a DequantizeLinear of that type, else the type of the first floats among them.
    3. Values that were moved still come from where they came from.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import onnx

from lightning_trt.precision import DType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["layers_of", "typed_layers_of"]

# fmt: off
_MOVES = frozenset({
    "Cast", "CastLike", "Concat", "Expand", "Flatten", "Gather", "Identity", "Pad", "ReorderInput", "ReorderOutput",
    "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
})
_CONVERTS = frozenset({"QuantizeLinear", "DequantizeLinear", "Constant", "ConstantOfShape", "Range", "Shape", "Size"})
# fmt: on

_DTYPES = {
    onnx.TensorProto.FLOAT: DType.fp32,
    onnx.TensorProto.FLOAT16: DType.fp16,
    onnx.TensorProto.BFLOAT16: DType.bf16,
    onnx.TensorProto.FLOAT8E4M3FN: DType.fp8,
    onnx.TensorProto.INT8: DType.int8,
    onnx.TensorProto.UINT8: DType.int8,
    onnx.TensorProto.INT32: DType.int32,
    onnx.TensorProto.INT64: DType.int64,
    onnx.TensorProto.BOOL: DType.bool,
}


_FLOATS = frozenset({DType.fp32, DType.fp16, DType.bf16})


def layers_of(path: Path) -> Mapping[DType, int]:
    """Number of layers by data type, in the optimized graph at `path`; its weights are not read."""
    return dict(Counter(dtype for _, dtype in typed_layers_of(path)))


def typed_layers_of(path: Path) -> tuple[tuple[str, DType], ...]:
    """Name and data type of each layer of the optimized graph at `path`, in its order; its weights are not read."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(str(path), load_external_data=False)).graph
    types = _types(graph)
    constants = {each.name for each in graph.initializer}
    rounded: dict[str, DType] = {}
    layers: list[tuple[str, DType]] = []
    for node in graph.node:
        taken = [name for name in node.input if name and name not in constants]
        if not taken:
            constants.update(node.output)
            continue
        if node.op_type == "DequantizeLinear":
            rounded[node.output[0]] = types[taken[0]]
        elif node.op_type in _MOVES and node.input[0] in rounded:
            rounded |= dict.fromkeys(node.output, rounded[node.input[0]])
        elif node.op_type not in _MOVES | _CONVERTS:
            dtype = _computes_in([rounded.get(name, types[name]) for name in taken])
            layers.append((f"{node.op_type} {node.name or node.output[0]}", dtype))
        # The optimizer's own operators are unknown to the inference: they give the type that they take.
        types |= {name: types[taken[0]] for name in node.output if name not in types}
    return tuple(layers)


def _types(graph: onnx.GraphProto) -> dict[str, DType]:
    values = [*graph.input, *graph.output, *graph.value_info]
    known = {value.name: value.type.tensor_type.elem_type for value in values}
    known |= {each.name: each.data_type for each in graph.initializer}
    return {name: _DTYPES.get(number, DType.other) for name, number in known.items() if number}


def _computes_in(taken: Sequence[DType]) -> DType:
    """Type of a layer that takes values of these types (rule 2)."""
    return next((dtype for dtype in taken if dtype in _FLOATS), taken[0])
