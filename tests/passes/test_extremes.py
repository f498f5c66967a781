"""Extremes of inner tensors, told by the graph itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx.parser
import onnx_ir as ir
import onnxruntime
import pytest
from onnx_ir.passes.common import ShapeInferencePass

from lightning_trt.passes import reduce_extremes

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAPS = '<ir_version: 8, opset_import: ["" : 18]> g (float[batch, 2, 3, 3] x) => (float[a, b, c, d] y)'
HEAD = '<ir_version: 8, opset_import: ["" : {opset}]> g (float[batch, 2, 3] x) => (float[batch, 2, 3] y)'
NODES = "{ h = Neg(x) y = Exp(h) }"
X = np.array([[[1, -2, 3], [0, 5, -7]], [[4, 4, 4], [-1, -1, -1]]], np.float32)


def model_of(opset: int = 18) -> ir.Model:
    """A graph of two nodes."""
    return ShapeInferencePass()(ir.from_proto(onnx.parser.parse_model(f"{HEAD.format(opset=opset)} {NODES}"))).model


def told(values: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    """What the graph tells of `h`."""
    model, reduced = reduce_extremes(model_of(), {"h": 0})
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString(), providers=["CPUExecutionProvider"])
    one = reduced["h"]
    names = {"low": one.low, "high": one.high, "total": one.total}
    return dict(zip(names, session.run(list(names.values()), {"x": values}), strict=True))


def test_extremes_are_of_each_sample() -> None:
    """Rule 1: over all axes but that of the samples."""
    seen = told(X)

    assert (seen["low"].tolist(), seen["high"].tolist()) == ([-5.0, -4.0], [7.0, 1.0])


def test_the_number_of_values_is_told() -> None:
    """Rule 1: as many of each sample."""
    assert reduce_extremes(model_of(), {"h": 0})[1]["h"].values == X[0].size


def test_a_sum_that_another_stands_for_is_left_out() -> None:
    """Rule 3: a NaN of the first shows in the second."""
    head = MAPS.replace("x)", "x, float[batch, 2, 3, 3] z)", 1)
    nodes = "{ h = Neg(x) i = Add(h, z) y = Exp(i) }"
    model = ShapeInferencePass()(ir.from_proto(onnx.parser.parse_model(f"{head} {nodes}"))).model

    _, reduced = reduce_extremes(model, {"h": 0, "i": 0})

    assert (reduced["h"].total, reduced["i"].total) == (None, "i/total")


def test_a_nan_shows_in_the_sum() -> None:
    """Rule 3: of the sample that holds it."""
    broken = X.copy()
    broken[1, 0, 1] = np.nan

    assert np.isnan(told(broken)["total"]).tolist() == [False, True]


def test_reductions_stand_behind_what_they_reduce() -> None:
    """Rule 2: and not at the end of the graph."""
    model, _ = reduce_extremes(model_of(), {"h": 0})

    assert [node.op_type for node in model.graph] == ["Neg", "ReduceMin", "ReduceMax", "ReduceSum", "Exp"]


def test_an_old_graph_tells_nothing() -> None:
    """Rule 5: its reductions spell their axes in another way."""
    assert reduce_extremes(model_of(opset=17), {"h": 0})[1] == {}


@pytest.mark.parametrize("name", ["x", "h"])
def test_the_graph_that_was_given_stays(name: str) -> None:
    """A pass returns a new graph."""
    model = model_of()

    reduce_extremes(model, {"h": 0})

    assert name not in {value.name for value in model.graph.outputs}


@pytest.mark.parametrize(
    "nodes",
    [
        "h = Relu(x)",
        "zero = Constant<value_float = 0.0>() h = Clip(x, zero)",
        "r = Relu(x) h = MaxPool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(r)",
        "r = Relu(x) h = AveragePool<kernel_shape = [1, 1]>(r)",
        "r = Relu(x) h = Concat<axis = 1>(r, r)",
    ],
)
def test_maps_that_are_never_negative_are_pooled(nodes: str) -> None:
    """Rule 4: and zero stands for their least value."""
    model = ShapeInferencePass()(ir.from_proto(onnx.parser.parse_model(f"{MAPS} {{ {nodes} y = Exp(h) }}"))).model

    reduced, names = reduce_extremes(model, {"h": 0})

    assert names["h"].low is None
    assert {"GlobalMaxPool", "GlobalAveragePool"} <= {node.op_type for node in reduced.graph}


@pytest.mark.parametrize(
    "nodes", ["h = Identity(x)", "r = Relu(x) h = Concat<axis = 1>(r, x)", "h = MaxPool<kernel_shape = [1, 1]>(x)"]
)
def test_maps_that_may_be_negative_are_reduced(nodes: str) -> None:
    """Rule 4: one part below zero is enough."""
    model = ShapeInferencePass()(ir.from_proto(onnx.parser.parse_model(f"{MAPS} {{ {nodes} y = Exp(h) }}"))).model

    assert reduce_extremes(model, {"h": 0})[1]["h"].low is not None


def test_a_tensor_of_unknown_size_tells_nothing() -> None:
    """Rule 5: how many values there were could not be said."""
    head = MAPS.replace("batch, 2, 3, 3", "batch, 2, height, 3")
    model = ShapeInferencePass()(ir.from_proto(onnx.parser.parse_model(f"{head} {{ h = Neg(x) y = Exp(h) }}"))).model

    assert reduce_extremes(model, {"h": 0})[1] == {}


def test_what_was_pooled_is_as_great() -> None:
    """Rule 4: the greatest value is that of the tensor."""
    model = ShapeInferencePass()(ir.from_proto(onnx.parser.parse_model(f"{MAPS} {{ h = Relu(x) y = Exp(h) }}"))).model
    reduced, names = reduce_extremes(model, {"h": 0})
    session = onnxruntime.InferenceSession(ir.to_proto(reduced).SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).normal(size=(5, 2, 3, 3)).astype(np.float32)

    (highs,) = session.run([names["h"].high], {"x": x})

    np.testing.assert_array_equal(highs, x.reshape(5, -1).max(axis=1))
