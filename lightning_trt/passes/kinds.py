"""What half precision means for each operator (the kinds that `cast` follows).

Rules:
    1. `high`: what sums many values, or turns small differences into large ones, stays fp32: normalizations, softmax,
       reductions, exponentials, logarithms, powers, roots. So do nodes with subgraphs, operators outside the standard,
       and operators whose ONNX definition does not take the low type.
    2. `low`: what has fast kernels in half precision computes in it: convolutions, matrix products, recurrent nets,
       pooling, activation functions.
    3. `neutral`: what reads floats and gives something else takes them as they are.
    4. `follows`: the rest (moving, selecting, plain arithmetic) is low where all it reads is low or one of its
       consumers wants low, so that chains between two fp32 nodes stay fp32.
    5. A softmax behind a NaN guard (`Where(IsNaN(softmax), 0, softmax)`, as both exporters write masked attention) is
       low, or TensorRT does not fuse the attention.
    6. In bf16 `ConvTranspose`, `GRU` and `HardSwish` are high: TensorRT-RTX does not build them.
    7. A node one of whose scalar constants rounds to zero in the low type, or which multiplies or divides by a scalar
       that the low type cannot hold, is high.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

import onnx
import onnx_ir as ir

from lightning_trt.passes.initializers import array_of, elements, is_constant
from lightning_trt.passes.limits import limits_of

__all__ = ["Kind", "accepts", "kind_of", "overflows"]


class Kind(Enum):
    """How a node takes the low type."""

    high = "high"
    low = "low"
    neutral = "neutral"
    follows = "follows"


# fmt: off
_HIGH = frozenset({
    "BatchNormalization", "InstanceNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization",
    "LpNormalization", "MeanVarianceNormalization", "LRN", "Softmax", "LogSoftmax", "Exp", "Log", "Pow", "Sqrt",
    "Reciprocal", "Softplus", "Sinh", "Cosh", "Sin", "Cos", "Tan", "CumSum", "ReduceMean", "ReduceSum", "ReduceL1",
    "ReduceL2", "ReduceProd", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp", "GlobalAveragePool",
    "GlobalLpPool", "LpPool", "GridSample", "RoiAlign", "Det", "NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss",
})
_LOW = frozenset({
    "Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "LSTM", "GRU", "RNN", "Attention", "AveragePool",
    "Resize", "Sigmoid", "Tanh", "Erf", "Gelu", "HardSwish", "HardSigmoid", "Mish", "Swish", "Elu",
    "Selu", "Celu", "LeakyRelu", "PRelu", "ThresholdedRelu", "Softsign",
})
# fmt: on
_NEUTRAL = frozenset({"Shape", "Size", "IsNaN", "IsInf", "ArgMax", "ArgMin", "NonZero"})
_NO_BFLOAT16_KERNEL = frozenset({"ConvTranspose", "GRU", "HardSwish"})
_SCALES = frozenset({"Mul", "Div"})
_LOW_NAMES = {ir.DataType.FLOAT16: "tensor(float16)", ir.DataType.BFLOAT16: "tensor(bfloat16)"}


def kind_of(node: ir.Node, low: ir.DataType, *, opset: int) -> Kind:
    """Kind of a node for the low type `low` (rules 1 to 7)."""
    if _is_guarded(node):
        return Kind.low
    if node.op_type in _NEUTRAL or _leaves_floats(node):
        return Kind.neutral
    if node.op_type in _HIGH or _must_be_high(node, low, opset=opset):
        return Kind.high
    return Kind.low if node.op_type in _LOW else Kind.follows


def _must_be_high(node: ir.Node, low: ir.DataType, *, opset: int) -> bool:
    """Rules 1, 6 and 7."""
    if node.domain or any(
        attribute.type in {ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS} for attribute in node.attributes.values()
    ):
        return True
    if low is ir.DataType.BFLOAT16 and node.op_type in _NO_BFLOAT16_KERNEL:
        return True
    is_first_taken = (
        not node.inputs or node.inputs[0] is None or not _is_float(node.inputs[0]) or accepts(node, 0, low, opset=opset)
    )
    return not is_first_taken or _vanishes(node, low) or overflows(node, low)


def _is_guarded(node: ir.Node) -> bool:
    """Rule 5."""
    return node.op_type == "Softmax" and any(use.op_type == "IsNaN" for use in node.outputs[0].consumers())


def _leaves_floats(node: ir.Node) -> bool:
    return node.op_type == "Cast" and not ir.DataType(node.attributes["to"].as_int()).is_floating_point()


def _scalars(node: ir.Node) -> list[float]:
    return [
        float(array_of(value).reshape(()))
        for value in node.inputs
        if value is not None and is_constant(value) and _is_float(value) and elements(value) == 1
    ]


def _vanishes(node: ir.Node, low: ir.DataType) -> bool:
    """Rule 7: a guard such as `+ 1e-12` before a division must not become zero."""
    smallest = limits_of(low).smallest_subnormal
    return any(0 < abs(number) <= smallest / 2 for number in _scalars(node))


def overflows(node: ir.Node, low: ir.DataType) -> bool:
    """Whether the node scales by a scalar that `low` cannot hold (rule 7)."""
    limit = limits_of(low).greatest
    return node.op_type in _SCALES and any(limit < abs(number) < float("inf") for number in _scalars(node))


def _is_float(value: ir.Value) -> bool:
    return value.dtype in {ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16}


@lru_cache(maxsize=4096)
def _allowed(op_type: str, opset: int) -> tuple[tuple[frozenset[str], ...], bool] | None:
    """Types that each input of a standard operator takes, and whether the last one repeats."""
    try:
        schema = onnx.defs.get_schema(op_type, opset)
    except onnx.defs.SchemaError:
        return None
    named = {item.type_param_str: frozenset(item.allowed_type_strs) for item in schema.type_constraints}
    inputs = tuple(named.get(item.type_str, frozenset({item.type_str})) for item in schema.inputs)
    repeats = bool(schema.inputs) and schema.inputs[-1].option == onnx.defs.OpSchema.FormalParameterOption.Variadic
    return inputs, repeats


def accepts(node: ir.Node, index: int, low: ir.DataType, *, opset: int) -> bool:
    """Whether ONNX lets input `index` of the node be of type `low`."""
    allowed = _allowed(node.op_type, opset) if not node.domain else None
    if allowed is None:
        return False
    inputs, repeats = allowed
    position = min(index, len(inputs) - 1) if repeats else index
    return position < len(inputs) and _LOW_NAMES[low] in inputs[position]
