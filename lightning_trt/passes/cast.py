"""A typed graph: half precision where `kinds` says so, fp32 elsewhere, `Cast` where the two meet.

Rules:
    1. One walk in graph order. What a node reads is converted to the node's type; a tensor is converted once.
    2. Inputs and outputs of the graph keep their types and names.
    3. Constants are converted themselves, finite values clipped to the low type's range (a mask of -3.4e38 must not
       become infinity); constants that both sides read exist twice.
    4. Shapes, the sizes, scales and regions of `Resize`, and whatever ONNX wants in fp32 are never converted.
    5. A `Cast` to float and a `ConstantOfShape` take the type that their consumers want.
    6. A `QuantizeLinear` takes its input as it is, with a scale of the same type; a `DequantizeLinear` gives what its
       consumers want: its scale is that type, at least the type's smallest normal number.
    7. What a node computed in fp32 because it scales beyond the low type is clipped before it is converted.
    8. Tensors that a subgraph captures are fp32 in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass, ShapeInferencePass

from lightning_trt.passes.initializers import array_of, free_name, is_constant, put
from lightning_trt.passes.kinds import Kind, accepts, kind_of, overflows
from lightning_trt.passes.limits import limits_of
from lightning_trt.passes.opset import opset_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["cast"]

_FLOAT = ir.DataType.FLOAT
_SUFFIX = {ir.DataType.FLOAT16: "fp16", ir.DataType.BFLOAT16: "bf16", _FLOAT: "fp32"}
_TYPE_ATTRIBUTE = {"Cast": "to"}


def cast(model: ir.Model, low: ir.DataType) -> ir.Model:
    """The graph with what can be in `low` (FLOAT16 or BFLOAT16) in it (rules 1 to 8).

    `model` is clean, in an opset whose operators take `low`: 19 for Q/DQ in fp16, 22 for bf16.
    """
    typed = ShapeInferencePass()(model.clone()).model
    _Walk(typed, low).run()
    return RemoveUnusedNodesPass()(typed).model


class _Walk:
    """The one walk (rule 1); `value.dtype` is the type that a tensor has by now."""

    def __init__(self, model: ir.Model, low: ir.DataType) -> None:
        self.graph = model.graph
        self.low = low
        self.opset = opset_of(model)
        self.kinds = {node: kind_of(node, low, opset=self.opset) for node in self.graph}
        self.wants = self._wishes()
        self._converted: dict[tuple[ir.Value, ir.DataType], ir.Value] = {}
        self._beyond: set[ir.Value] = set()

    def run(self) -> None:
        """Type every node, then give the outputs their types back."""
        for node in tuple(self.graph):
            self._type(node)
        for index, output in enumerate(tuple(self.graph.outputs)):
            if output.dtype is self.low:
                self._restore(index, output)

    def _wishes(self) -> dict[ir.Node, bool]:
        """Whether each node wants low inputs: its own kind, or for one that follows, its consumers'."""
        wants: dict[ir.Node, bool] = {}
        for node in reversed(tuple(self.graph)):
            kind = self.kinds[node]
            heard = any(wants.get(use, False) for output in node.outputs for use in output.consumers())
            wants[node] = kind is Kind.low or (kind is Kind.follows and heard)
        return wants

    def _type(self, node: ir.Node) -> None:
        if node.op_type == "QuantizeLinear":
            self._type_quantize(node)
        elif self._is_source(node):
            self._type_source(node)
        elif self.kinds[node] is not Kind.neutral:
            self._type_computing(node, self._target(node))

    def _target(self, node: ir.Node) -> ir.DataType:
        if self.kinds[node] is not Kind.follows:
            return self.low if self.kinds[node] is Kind.low else _FLOAT
        read = [
            value.dtype
            for value in node.inputs
            if value is not None and self._is_ours(value) and not is_constant(value)
        ]
        all_low = bool(read) and all(dtype is self.low for dtype in read)
        return self.low if all_low or self.wants[node] else _FLOAT

    def _type_computing(self, node: ir.Node, target: ir.DataType) -> None:
        """Rules 1, 4 and 8."""
        for index, value in enumerate(node.inputs):
            if value is None or not self._is_ours(value):
                continue
            is_fixed = target is not _FLOAT and not self._is_convertible(node, index)
            node.replace_input_with(index, self._as(value, _FLOAT if is_fixed else target, before=node))
        for inner, index, value in _captured(node):
            if self._is_ours(value):
                inner.replace_input_with(index, self._as(value, _FLOAT, before=node))
        for output in node.outputs:
            if output.dtype is _FLOAT and target is self.low:
                output.type = ir.TensorType(self.low)
        if overflows(node, self.low):
            self._beyond.update(node.outputs)

    def _is_convertible(self, node: ir.Node, index: int) -> bool:
        """Rule 4."""
        return not (node.op_type == "Resize" and index > 0) and accepts(node, index, self.low, opset=self.opset)

    def _is_source(self, node: ir.Node) -> bool:
        if node.op_type in {"ConstantOfShape", "DequantizeLinear"}:
            return node.outputs[0].dtype is _FLOAT
        is_cast = node.op_type == "Cast" and node.outputs[0].dtype is _FLOAT
        return is_cast and not (node.inputs[0] is not None and self._is_ours(node.inputs[0]))

    def _type_source(self, node: ir.Node) -> None:
        """Rules 5 and 6: the node's own type is what consumers want."""
        uses = node.outputs[0].consumers()
        if not any(self.wants.get(use, False) for use in uses):
            return
        if node.op_type == "DequantizeLinear":
            self._retype_scale(node, self.low)
        elif node.op_type == "Cast":
            node.attributes["to"] = ir.AttrInt64("to", int(self.low))
        else:
            value = (
                node.attributes["value"].as_tensor().numpy() if "value" in node.attributes else np.zeros(1, np.float32)
            )
            node.attributes["value"] = ir.AttrTensor("value", ir.Tensor(_narrowed(value, self.low), dtype=self.low))
        node.outputs[0].type = ir.TensorType(self.low)

    def _type_quantize(self, node: ir.Node) -> None:
        """Rule 6."""
        value = node.inputs[0]
        if value is not None and value.dtype is self.low:
            self._retype_scale(node, self.low)

    def _retype_scale(self, node: ir.Node, to: ir.DataType) -> None:
        scale = node.inputs[1]
        if scale is None or scale.dtype is to:
            return
        if (scale, to) not in self._converted:
            smallest = limits_of(to).smallest_normal
            array = np.maximum(array_of(scale), smallest).astype(to.numpy())
            self._converted[scale, to] = put(self.graph, f"{scale.name}_{_SUFFIX[to]}", array, to)
        node.replace_input_with(1, self._converted[scale, to])

    def _is_ours(self, value: ir.Value) -> bool:
        return value.dtype in {_FLOAT, self.low}

    def _as(self, value: ir.Value, to: ir.DataType, *, before: ir.Node | None) -> ir.Value:
        """`value` in type `to`, made before the node `before` if it does not exist yet (rules 1, 3 and 7)."""
        if value.dtype is to:
            return value
        key = (value, to)
        if key not in self._converted:
            if is_constant(value):
                name = f"{value.name}_{_SUFFIX[to]}"
                self._converted[key] = put(self.graph, name, _narrowed(array_of(value), to), to)
            else:
                source = self._clipped(value, before=before) if value in self._beyond and to is self.low else value
                self._converted[key] = self._insert("Cast", [source], value, to, before=before, suffix=_SUFFIX[to])
        return self._converted[key]

    def _clipped(self, value: ir.Value, *, before: ir.Node | None) -> ir.Value:
        limit = np.asarray(limits_of(self.low).greatest, np.float32)
        bounds = [put(self.graph, "least", -limit), put(self.graph, "greatest", limit)]
        return self._insert("Clip", [value, *bounds], value, _FLOAT, before=before, suffix="clipped")

    def _insert(
        self,
        op_type: str,
        inputs: list[ir.Value],
        like: ir.Value,
        dtype: ir.DataType,
        *,
        before: ir.Node | None,
        suffix: str,
    ) -> ir.Value:
        attributes = {"to": int(dtype)} if op_type in _TYPE_ATTRIBUTE else {}
        name = free_name(self.graph, f"{like.name}_{suffix}")
        node = ir.node(op_type, inputs, attributes, name=name, num_outputs=1)
        made = node.outputs[0]
        made.name, made.shape, made.type = name, like.shape, ir.TensorType(dtype)
        if before is None:
            self.graph.append(node)
        else:
            self.graph.insert_before(before, node)
        return made

    def _restore(self, index: int, output: ir.Value) -> None:
        """Rule 2: the output's name goes to its fp32 form."""
        name = output.name
        output.name = free_name(self.graph, f"{name}_{_SUFFIX[self.low]}")
        restored = self._insert("Cast", [output], output, _FLOAT, before=None, suffix=_SUFFIX[_FLOAT])
        restored.name = name
        self.graph.outputs[index] = restored


def _narrowed(array: NDArray[np.generic], to: ir.DataType) -> NDArray[np.generic]:
    """Rule 3: finite values within the range of `to`."""
    limit = limits_of(to).greatest
    floats = array.astype(np.float32)
    clipped = np.where(np.isfinite(floats), np.clip(floats, -limit, limit), floats)
    return clipped.astype(to.numpy())


def _captured(node: ir.Node) -> Iterator[tuple[ir.Node, int, ir.Value]]:
    """Inputs of nodes inside the subgraphs of `node` that come from outside (rule 8)."""
    graphs = [
        attribute.as_graph() for attribute in node.attributes.values() if attribute.type is ir.AttributeType.GRAPH
    ]
    for graph in graphs:
        inside = {value for inner in graph.all_nodes() for value in inner.outputs} | set(graph.inputs)
        inside |= set(graph.initializers.values())
        for inner in tuple(graph.all_nodes()):
            for index, value in enumerate(inner.inputs):
                if value is not None and value not in inside:
                    yield inner, index, value
