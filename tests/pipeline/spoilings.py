"""Ways in which an engine can compute something else than its module, one thing at a time.

Each spoils what one real station hands on. What follows is as it is in every run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from lightning_trt.artifacts import OnnxGraph, Range, Ranges

    Weights = NDArray[Any]
    Edit = Callable[[onnx.ModelProto], None]

__all__ = ["IN_CALLS", "IN_GRAPHS", "IN_PAIRS", "IN_RANGES", "in_graphs"]


def in_graphs(graphs: Mapping[str, OnnxGraph], edit: Edit) -> dict[str, OnnxGraph]:
    """The graphs, after `edit` had its hands on each."""
    return {name: _edited(graph, edit) for name, graph in graphs.items()}


def _edited(graph: OnnxGraph, edit: Edit) -> OnnxGraph:
    model = ir.to_proto(graph.model)
    edit(model)
    return replace(graph, model=ir.from_proto(model))


def _node(model: onnx.ModelProto, kind: str, *, number: int = 0) -> onnx.NodeProto:
    return [node for node in model.graph.node if node.op_type == kind][number]


def _weights(kind: str, change: Callable[[Weights], Weights], *, number: int = 0, place: int = 1) -> Edit:
    """An edit of the weights, or at place 2 the bias, of a node."""

    def edit(model: onnx.ModelProto) -> None:
        name = _node(model, kind, number=number).input[place]
        _exchange(model, name, change)

    return edit


def _exchange(model: onnx.ModelProto, name: str, change: Callable[[Weights], Weights]) -> None:
    tensor = next(each for each in model.graph.initializer if each.name == name)
    before = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(change(before)).astype(before.dtype), name))


def _without_half(weights: Weights) -> Weights:
    spoilt = weights.copy()
    spoilt[::2] = 0
    return spoilt


def _with_nan(weights: Weights) -> Weights:
    spoilt = weights.copy()
    spoilt.flat[0] = np.nan
    return spoilt


def _attribute(kind: str, name: str, value: list[int]) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        node = _node(model, kind)
        kept = [each for each in node.attribute if each.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, onnx.helper.make_attribute(name, value)])

    return edit


def _operator(kind: str, other: str) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        _node(model, kind).op_type = other

    return edit


IN_GRAPHS: dict[str, Edit] = {
    "classes in another order": _weights("Gemm", lambda w: np.roll(w, 1, axis=int(w.shape[0] != 4))),
    "last weights transposed": _weights("Gemm", lambda w: w.T.reshape(w.shape)),
    "kernels transposed": _weights("Conv", lambda w: w.transpose(0, 1, 3, 2), number=1),
    "kernels mirrored": _weights("Conv", lambda w: w[..., ::-1]),
    "output channels exchanged": _weights("Conv", lambda w: w[::-1]),
    "every second channel zero": _weights("Conv", _without_half, number=1),
    "sign of the weights": _weights("Conv", np.negative),
    "untrained weights": _weights("Conv", lambda w: np.random.default_rng(0).normal(0, w.std(), w.shape), number=1),
    "bias of the first layer shifted": _weights("Conv", lambda b: b + 5, place=2),
    "bias of the classes ten times as large": _weights("Gemm", lambda b: 10 * b + np.arange(len(b)), place=2),
    "one weight not a number": _weights("Gemm", _with_nan),
    "padding on one side": _attribute("Conv", "pads", [0, 0, 2, 2]),
    "another activation": _operator("Relu", "Sigmoid"),
    "an activation that clips": _operator("Relu", "Neg"),
}
"""Of an fp32 engine."""


def _scale(kind: str, factor: float, *, number: int = 0) -> Edit:
    """An edit of the scale that a node quantizes by, and of no other."""

    def edit(model: onnx.ModelProto) -> None:
        node = _node(model, kind, number=number)
        tensor = next(each for each in model.graph.initializer if each.name == node.input[1])
        own = numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(factor), f"{tensor.name}_spoilt")
        own.data_type = tensor.data_type
        model.graph.initializer.append(own)
        node.input[1] = own.name

    return edit


def _half_a_pair(model: onnx.ModelProto) -> None:
    """Nothing; whoever read what the first DequantizeLinear of a pair gave reads the whole numbers that it took."""
    made = {node.output[0]: node for node in model.graph.node if node.op_type == "QuantizeLinear"}
    lost = next(node for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in made)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = lost.input[0] if name == lost.output[0] else name


IN_PAIRS: dict[str, Edit] = {
    "scale of a quantizer too small": _scale("QuantizeLinear", 0.05),
    "scale of a quantizer too large": _scale("QuantizeLinear", 60.0),
    "scale of a dequantizer": _scale("DequantizeLinear", -1.0, number=1),
    "scale of a later quantizer": _scale("QuantizeLinear", 200.0, number=2),
    "half a pair gone": _half_a_pair,
}
"""Of the Q/DQ of an int8 engine."""


def _ranges(change: Callable[[Range], Range]) -> Callable[[Ranges], Ranges]:
    return lambda ranges: replace(ranges, tensors={name: change(each) for name, each in ranges.tensors.items()})


IN_RANGES: dict[str, Callable[[Ranges], Ranges]] = {
    "ranges of data a hundred times smaller": _ranges(lambda it: replace(it, low=it.low / 100, high=it.high / 100)),
    "ranges of data five hundred times larger": _ranges(lambda it: replace(it, low=it.low * 500, high=it.high * 500)),
    "ranges of other tensors": lambda ranges: replace(
        ranges, tensors={name: replace(each, low=-0.01, high=0.01) for name, each in ranges.tensors.items()}
    ),
}
"""That an int8 engine is quantized by: of stale statistics, or of another net."""


class _Called:
    """A session whose calls are spoilt."""

    def __init__(self, session: Any, spoil: Callable[[Any, dict[str, Any]], dict[str, Any]]) -> None:
        self._session = session
        self._spoil = spoil

    def __call__(self, inputs: dict[str, Any]) -> Any:
        return self._spoil(self._session, dict(inputs))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def _inputs(change: Callable[[Any], Any]) -> Callable[[Any], _Called]:
    def called(session: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        return dict(session({name: change(each).contiguous() for name, each in inputs.items()}))

    return lambda session: _Called(session, called)


def _outputs(change: Callable[[Any], Any]) -> Callable[[Any], _Called]:
    def called(session: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        return {name: change(each).contiguous() for name, each in session(inputs).items()}

    return lambda session: _Called(session, called)


def _late(session: Any) -> _Called:
    """Answers of the call before, as of a buffer that was read too soon."""
    kept: list[dict[str, Any]] = []

    def called(inner: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        kept.append(dict(inner(inputs)))
        return {name: each[: len(kept[-1][name])] for name, each in kept[max(0, len(kept) - 2)].items()}

    return _Called(session, called)


IN_CALLS: dict[str, Callable[[Any], _Called]] = {
    "batch in another order": _outputs(lambda it: it.roll(1, 0)),
    "all answers those of the first sample": _outputs(lambda it: it[:1].expand_as(it)),
    "answers of the call before": _late,
    "answers of zeros": _outputs(lambda it: it * 0),
    "images mirrored": _inputs(lambda it: it.flip(-1)),
    "images of another scale": _inputs(lambda it: it / 255 - 1),
    "images transposed": _inputs(lambda it: it.transpose(-1, -2)),
}
"""Of a sound engine."""
