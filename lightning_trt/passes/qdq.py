"""Q/DQ pairs in a float graph.

Rules:
    1. Pairs go where `placement` says, and nowhere else.
    2. An activation has one `QuantizeLinear` and one `DequantizeLinear`, which all its places read; other consumers
       keep the float tensor.
    3. A weight is kept quantized, behind a `DequantizeLinear` with a scale for each output channel, or one for all;
       places that share the weight share it, and the float one goes where nothing else reads it.
    4. Tensors that share a scale take the greatest amax among them.
    5. Scales follow the rules of `weights`; zero points are zero, of the quantized type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from lightning_trt.errors import DataError, NonFiniteActivationsError
from lightning_trt.passes.initializers import array_of, free_name, put
from lightning_trt.passes.placement import Placement, Plan, plan
from lightning_trt.passes.weights import QUANTIZED_TYPE, WeightRanges, quantize, scale_of, weight_amax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_trt.artifacts import Ranges
    from lightning_trt.precision import Precision

__all__ = ["insert_pairs"]


def insert_pairs(
    model: ir.Model,
    *,
    ranges: Ranges,
    precision: Precision,
    scale_type: ir.DataType = ir.DataType.FLOAT,
    placement: Placement | None = None,
    weights: WeightRanges | None = None,
) -> ir.Model:
    """The graph with Q/DQ pairs of `precision` (rules 1 to 5).

    `model` is clean and float. `scale_type` is the type that scales will be written in when the rest of the graph is
    typed: here they are of the tensor's own type, with values that the other holds exactly. `weights` says how their
    ranges are found; None gives each output channel all of its values.

    Raises:
        DataError: `ranges` lacks a tensor, or has one per channel.
        NonFiniteActivationsError: A range, or a weight, is NaN or infinite.
    """
    placed = plan(model, placement)
    amax = _shared_amax(placed, ranges)
    quantized = model.clone()
    pairs = _Pairs(quantized.graph, precision=precision, scale_type=scale_type, weights=weights or WeightRanges())
    nodes = {str(node.outputs[0].name): node for node in quantized.graph}
    for place in placed.places:
        node = nodes[place.node]
        value = node.inputs[place.index]
        if value is None:
            continue
        if place.axis is None:
            through = pairs.activation(value, amax=amax[place.tensor], before=node)
        else:
            through = pairs.weight(value, axis=place.axis, before=node)
        node.replace_input_with(place.index, through)
    return RemoveUnusedNodesPass()(quantized).model


def _shared_amax(placed: Plan, ranges: Ranges) -> dict[str, float]:
    """Largest magnitude of each activation, after rule 4."""
    _check(placed, ranges)
    amax = {name: float(ranges.tensors[name].amax) for name in placed.activations}
    for names in placed.ties:
        amax.update(dict.fromkeys(names, max(amax[name] for name in names)))
    return amax


def _check(placed: Plan, ranges: Ranges) -> None:
    missing = [name for name in placed.activations if name not in ranges.tensors]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(placed.activations)} tensors that carry Q/DQ have no range: "
            f"{', '.join(missing[:5])}. Each needs one; calibrate this graph, not another version of it."
        )
    per_channel = [name for name in placed.activations if ranges.tensors[name].axis is not None]
    if per_channel:
        raise DataError(
            f"activations with a range per channel: {', '.join(per_channel[:5])}. TensorRT takes one per tensor and "
            "would quietly fall back to float; give low and high as numbers."
        )
    endless = [name for name in placed.activations if not np.isfinite(ranges.tensors[name].amax)]
    if endless:
        raise NonFiniteActivationsError(
            f"ranges that are NaN or infinite: {', '.join(endless[:5])}. A scale must be finite; look for overflow in "
            "the module, or for samples that it cannot take."
        )


class _Pairs:
    """The pairs of one graph, made once for each tensor (rules 2 and 3)."""

    def __init__(
        self, graph: ir.Graph, *, precision: Precision, scale_type: ir.DataType, weights: WeightRanges
    ) -> None:
        self.graph = graph
        self.weights = weights
        self.precision = precision
        self.scale_type = scale_type
        self._made: dict[tuple[str | None, int | None], ir.Value] = {}

    def activation(self, value: ir.Value, *, amax: float, before: ir.Node) -> ir.Value:
        """`value` through a Q and a DQ, made before node `before` if they do not exist yet."""
        key = (value.name, None)
        if key not in self._made:
            scale, zero = self._parameters(value, scale_of(amax, precision=self.precision, scale_type=self.scale_type))
            codes = self._node("QuantizeLinear", [value, scale, zero], before=before, suffix="quantized")
            codes.type, codes.shape = ir.TensorType(QUANTIZED_TYPE[self.precision]), value.shape
            floats = self._node("DequantizeLinear", [codes, scale, zero], before=before, suffix="dequantized", of=value)
            floats.type, floats.shape = value.type, value.shape
            self._made[key] = floats
        return self._made[key]

    def weight(self, value: ir.Value, *, axis: int, before: ir.Node) -> ir.Value:
        """`value`, a constant, as its quantized form through a DQ (rule 3)."""
        key = (value.name, axis)
        if key not in self._made:
            array = array_of(value)
            if not np.isfinite(array).all():
                raise NonFiniteActivationsError(
                    f"the weight {value.name} holds NaN or infinity in {int((~np.isfinite(array)).sum())} of "
                    f"{array.size} values. Weights must be finite; look at the checkpoint."
                )
            amax = weight_amax(array, axis=axis, chosen=self.weights, precision=self.precision)
            rounded = scale_of(amax, precision=self.precision, scale_type=self.scale_type)
            scale, zero = self._parameters(value, rounded)
            codes = put(
                self.graph,
                f"{value.name}_quantized",
                quantize(array, rounded, axis=axis, precision=self.precision),
                QUANTIZED_TYPE[self.precision],
            )
            floats = self._node(
                "DequantizeLinear",
                [codes, scale, zero],
                before=before,
                suffix="dequantized",
                of=value,
                axis=axis if rounded.ndim else None,
            )
            floats.type, floats.shape = value.type, value.shape
            self._made[key] = floats
        return self._made[key]

    def _parameters(self, value: ir.Value, scale: NDArray[np.generic]) -> tuple[ir.Value, ir.Value]:
        """Scale, in the type of `value`, and zero point (rule 5)."""
        kind = (value.dtype or ir.DataType.FLOAT).numpy()
        zeros = np.zeros(scale.shape, QUANTIZED_TYPE[self.precision].numpy())
        return (
            put(self.graph, f"{value.name}_scale", scale.astype(kind)),
            put(self.graph, f"{value.name}_zero_point", zeros, QUANTIZED_TYPE[self.precision]),
        )

    def _node(
        self,
        op_type: str,
        inputs: list[ir.Value],
        *,
        before: ir.Node,
        suffix: str,
        of: ir.Value | None = None,
        axis: int | None = None,
    ) -> ir.Value:
        name = free_name(self.graph, f"{(of or inputs[0]).name}_{suffix}")
        attributes = {} if axis is None else {"axis": axis}
        made = ir.node(op_type, inputs, attributes, name=name, num_outputs=1)
        made.outputs[0].name = name
        self.graph.insert_before(before, made)
        return made.outputs[0]
