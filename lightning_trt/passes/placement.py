"""Which tensors carry a Q/DQ pair.

The table is NVIDIA's explicit quantization guide and ModelOpt's policy; what TensorRT makes of each pattern was read
from built plans.

Rules:
    1. `Conv`, `Gemm` and `MatMul` with a constant weight: a pair on the activation (per tensor) and on the weight (per
       output channel: `Conv` axis 0, `Gemm` axis 0 if `transB` else 1, `MatMul` the last). Weights of rank 1 and of
       batched products stay float, and so does a constant on the left.
    2. `ConvTranspose` stays float (no kernel of TensorRT-RTX runs it in int8), and so do `LSTM`, `GRU` and what they
       read.
    3. Nothing on a bias, and nothing on the output of a weighted node: its consumers ask for what they need.
    4. Residual `Add`: a pair on the skip, never on both inputs. The backbone is the input that comes straight from a
       quantized `Conv` and is read by the `Add` alone; where both do, the one with the longer path. Additions behind
       a `MatMul` or `Gemm` (transformers) stay float: the layer norm behind them wants the residual stream unrounded.
    5. `AveragePool` and `GlobalAveragePool`: a pair on the input too, if the output carries one and a quantized `Conv`
       stands before it, with nothing but `Relu`, `Clip` or a residual `Add` between.
    6. `MaxPool` gets no pair of its own; what is quantized before and behind it shares a scale.
    7. `Concat` whose output carries a pair: its inputs and output share a scale, where they are quantized.
    8. A gate (a `Conv` on a 1x1 map, as in squeeze-and-excite) stays float unless `Placement.gates`.
    9. Softmax, LayerNorm, GELU, the inner products of attention and embeddings stay float, because no rule names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_trt.passes.initializers import array_of, is_constant
from lightning_trt.passes.residual import skip_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import onnx_ir as ir

__all__ = ["Place", "Placement", "Plan", "plan", "quantized_tensors"]

_POOLS = frozenset({"AveragePool", "GlobalAveragePool"})
_EPILOGUES = frozenset({"Relu", "Clip", "Add"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What a user may say about the places.

    Attributes:
        gates: Whether squeeze-and-excite gates are quantized (rule 8).
        least_channels: Convolutions with fewer channels than this, in or out, stay float. ModelOpt leaves out those
            below 16; TensorRT-RTX was seen to run stems of 3 channels and depthwise convolutions in int8.
        excluded: Nodes that stay float, by the name of their first output.
    """

    gates: bool = False
    least_channels: int = 0
    excluded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Input `index` of the node whose first output is `node` reads `tensor` through a pair.

    `axis` is the channel axis of a weight, None for an activation.
    """

    node: str
    index: int
    tensor: str
    axis: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All places of a graph in its order, the activations among their tensors, and which of those share a scale."""

    places: tuple[Place, ...]
    activations: tuple[str, ...]
    ties: tuple[frozenset[str], ...]


def quantized_tensors(model: ir.Model, placement: Placement | None = None) -> tuple[str, ...]:
    """Names of the activations that will carry Q/DQ, in graph order: what calibration has to see."""
    return plan(model, placement).activations


def plan(model: ir.Model, placement: Placement | None = None) -> Plan:
    """Where the pairs go in a clean graph (rules 1 to 9)."""
    chosen = placement or Placement()
    nodes = {_key(node): node for node in model.graph}
    weighted = {key: node for key, node in nodes.items() if _is_quantizable(node, chosen)}
    places = [place for key, node in weighted.items() for place in _weighted_places(key, node)]
    places += _residual_places(nodes, weighted)
    places += _pool_places(nodes, weighted, {place.tensor for place in places})
    order = {key: position for position, key in enumerate(nodes)}
    places.sort(key=lambda place: (order[place.node], place.index))
    activations = _in_graph_order(model.graph, {place.tensor for place in places if place.axis is None})
    return Plan(places=tuple(places), activations=activations, ties=_ties(nodes.values(), frozenset(activations)))


def _key(node: ir.Node) -> str:
    return str(node.outputs[0].name)


def _in_graph_order(graph: ir.Graph, names: set[str]) -> tuple[str, ...]:
    values = (*graph.inputs, *(value for node in graph for value in node.outputs))
    return tuple(str(value.name) for value in values if value.name in names)


def weight_axis(node: ir.Node) -> int | None:
    """Output channel axis of the node's constant weight (rule 1); None if it has none."""
    if node.domain or node.op_type not in {"Conv", "Gemm", "MatMul"} or not is_constant(node.inputs[1]):
        return None
    if node.op_type == "Conv":
        return 0
    if node.op_type == "Gemm":
        return None if _flag(node, "transA") else 1 - _flag(node, "transB")
    shape = node.inputs[1].shape if node.inputs[1] is not None else None
    return 1 if shape is not None and shape.rank() == 2 else None  # noqa: PLR2004 - a matrix


def _flag(node: ir.Node, name: str) -> int:
    return node.attributes[name].as_int() if name in node.attributes else 0


def _is_quantizable(node: ir.Node, placement: Placement) -> bool:
    """Rules 1 and 8, and what `placement` leaves out."""
    if weight_axis(node) is None or _key(node) in placement.excluded:
        return False
    data, weight = node.inputs[0], node.inputs[1]
    if data is None or weight is None or is_constant(data):
        return False
    if weight.dtype is None or not weight.dtype.is_floating_point():
        return False
    if node.op_type != "Conv":
        return True
    channels = min(array_of(weight).shape[0], array_of(weight).shape[1] * _group(node))
    return channels >= placement.least_channels and (placement.gates or not _is_gate(data))


def _group(node: ir.Node) -> int:
    return node.attributes["group"].as_int() if "group" in node.attributes else 1


def _is_gate(data: ir.Value) -> bool:
    return data.shape is not None and data.shape.rank() > 2 and all(size == 1 for size in data.shape[2:])  # noqa: PLR2004


def _weighted_places(key: str, node: ir.Node) -> Iterator[Place]:
    """Rule 1."""
    for index, axis in ((0, None), (1, weight_axis(node))):
        value = node.inputs[index]
        if value is not None:
            yield Place(node=key, index=index, tensor=str(value.name), axis=axis)


def _residual_places(nodes: dict[str, ir.Node], weighted: dict[str, ir.Node]) -> list[Place]:
    """Rule 4."""
    convs = {key for key, node in weighted.items() if node.op_type == "Conv"}
    adds = {key: node for key, node in nodes.items() if node.op_type == "Add" and node.domain == ""}
    skips = [(key, node.inputs, skip_of(node, convs)) for key, node in adds.items()]
    found = [(key, skip, inputs[skip]) for key, inputs, skip in skips if skip is not None]
    return [Place(node=key, index=skip, tensor=str(value.name)) for key, skip, value in found if value is not None]


def _pool_places(nodes: dict[str, ir.Node], weighted: dict[str, ir.Node], quantized: set[str]) -> list[Place]:
    """Rule 5."""
    pools = {key: node for key, node in nodes.items() if node.op_type in _POOLS and key in quantized}
    reads = [(key, node.inputs[0]) for key, node in pools.items()]
    return [
        Place(node=key, index=0, tensor=str(value.name))
        for key, value in reads
        if value is not None and _ends_convolution(value, weighted)
    ]


def _ends_convolution(value: ir.Value, weighted: dict[str, ir.Node]) -> bool:
    producer = value.producer()
    while producer is not None and producer.op_type in _EPILOGUES:
        source = next((item for item in producer.inputs if item is not None and item.producer() is not None), None)
        producer = None if source is None else source.producer()
    return producer is not None and _key(producer) in weighted


def _ties(nodes: Iterable[ir.Node], quantized: frozenset[str]) -> tuple[frozenset[str], ...]:
    """Rules 6 and 7: the groups of quantized tensors that share a scale."""
    group: dict[str, set[str]] = {}
    for node in nodes:
        is_tied = node.op_type == "MaxPool" or (node.op_type == "Concat" and _key(node) in quantized)
        if not is_tied:
            continue
        members = {str(value.name) for value in (node.outputs[0], *node.inputs) if value is not None}
        joined = set.union(members, *(group.get(name, set()) for name in members))
        group.update(dict.fromkeys(joined, joined))
    classes = {frozenset(names & quantized) for names in group.values()}
    return tuple(sorted((names for names in classes if len(names) > 1), key=sorted))
