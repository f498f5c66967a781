"""Station *rewrite*: the exported graph with a precision written into it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import CheckerPass, ShapeInferencePass

from lightning_trt.errors import DataError, ExportError, SettingsError
from lightning_trt.passes import cast, insert_pairs, opset_of, raise_opset
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from lightning_trt.artifacts import OnnxGraph, Ranges
    from lightning_trt.passes import WeightRanges

__all__ = ["rewrite"]

_UNCHANGED = {Precision.fp32, Precision.tf32}
_LOW_TYPE = {Precision.fp16: ir.DataType.FLOAT16, Precision.bf16: ir.DataType.BFLOAT16}
_LEAST_OPSET = {
    Precision.fp32: 1,
    Precision.tf32: 1,
    Precision.fp16: 1,
    Precision.int8: 13,
    Precision.fp8: 19,
    Precision.bf16: 22,
}
_LEAST_OPSET_OF_HALF_SCALES = 19


def rewrite(
    graph: OnnxGraph,
    *,
    precision: Precision,
    high_precision: Precision = Precision.fp16,
    ranges: Ranges | None = None,
    weights: WeightRanges | None = None,
) -> OnnxGraph:
    """The graph with `precision` in its types and Q/DQ pairs; inputs and outputs keep their names and types.

    fp32 and tf32 leave the graph as it is. The quantized precisions put Q/DQ where `ranges` belong and type the rest
    as `high_precision`: fp32, fp16 or bf16. A graph that has its Q/DQ already keeps them. `weights` says how the ranges
    of weights are found; None gives each output channel all of its values.

    Raises:
        DataError: A quantized precision without ranges, or ranges that do not fit the graph.
        SettingsError: A `high_precision` that no layer can compute in.
        ExportError: The result is no valid ONNX, or the graph cannot be raised to the opset that the types need.
    """
    if precision in _UNCHANGED:
        return graph
    rest = high_precision if precision.is_quantized else precision
    if rest not in _LOW_TYPE and rest is not Precision.fp32:
        raise SettingsError(f"high_precision is {rest.value}; it must be fp32, fp16 or bf16.")
    opset = _least_opset(precision, rest)
    model = raise_opset(graph.model, opset)
    if precision.is_quantized and not _has_pairs(model):
        if ranges is None:
            raise DataError(
                f"{precision.value} needs a range for each tensor that it quantizes, and got none. Calibrate first."
            )
        scale_type = _LOW_TYPE.get(rest, ir.DataType.FLOAT)
        model = insert_pairs(model, ranges=ranges, precision=precision, scale_type=scale_type, weights=weights)
    if rest in _LOW_TYPE:
        model = cast(model, _LOW_TYPE[rest])
    what_else = f", what is not quantized in {rest.value}" if precision.is_quantized else ""
    note = f"{precision.value}: opset {opset_of(model)}{what_else}"
    return replace(graph, model=_checked(model), notes=(*graph.notes, note))


def _has_pairs(model: ir.Model) -> bool:
    return any(node.op_type == "QuantizeLinear" for node in model.graph)


def _least_opset(precision: Precision, rest: Precision) -> int:
    has_half_scales = precision.is_quantized and rest in _LOW_TYPE
    return max(_LEAST_OPSET[precision], _LEAST_OPSET[rest], _LEAST_OPSET_OF_HALF_SCALES if has_half_scales else 1)


def _checked(model: ir.Model) -> ir.Model:
    """The model with inferred shapes, after onnx has checked every node and type."""
    try:
        return ir.passes.Sequential(CheckerPass(full_check=True), ShapeInferencePass())(model).model
    except (ir.passes.PassError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        cause = error.__cause__ or error
        raise ExportError(
            f"the rewritten graph is no valid ONNX: {cause}. This is a fault of lightning-trt: please report it with "
            "the operators of your model; until then leave out this precision."
        ) from error
