"""Graphs in opset 17."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from passes.exported import error, exported, run
from passes.nets import CASES

from lightning_trt.errors import ExportError
from lightning_trt.passes import insert_pairs, lower_opset, opset_of
from lightning_trt.precision import Precision


@pytest.mark.parametrize("name", list(CASES))
def test_the_function_stays_the_same(name: str) -> None:
    """Every net is spelled in 17, and gives what it gave."""
    case = exported(name)

    lowered = lower_opset(case.model)

    assert opset_of(lowered) == 17
    assert error(next(iter(run(lowered, case.feeds).values())), case.answer) < 1e-5


def test_pairs_stay() -> None:
    """What TensorRT 8.6 builds int8 from: Q/DQ with fp32 scales in opset 17."""
    case = exported("residual")
    paired = insert_pairs(case.model, ranges=case.ranges, precision=Precision.int8)

    lowered = lower_opset(paired)

    kinds = [node.op_type for node in lowered.graph]
    assert kinds.count("QuantizeLinear") == [node.op_type for node in paired.graph].count("QuantizeLinear")
    assert error(next(iter(run(lowered, case.feeds).values())), case.answer) < 5e-2


def test_axes_become_an_attribute() -> None:
    """TensorRT 8.6 does not read the input, and would reduce every axis."""
    lowered = lower_opset(exported("squeeze_excite").model)

    reductions = [node for node in lowered.graph if node.op_type == "ReduceMean"]
    assert reductions
    assert all("axes" in node.attributes and len(node.inputs) == 1 for node in reductions)


def test_a_part_of_a_shape_is_sliced() -> None:
    """TensorRT 8.6 would take the whole."""
    lowered = lower_opset(exported("text").model)

    shapes = [node for node in lowered.graph if node.op_type == "Shape"]
    assert shapes
    assert not any({"start", "end"} & set(node.attributes) for node in shapes)


@pytest.mark.parametrize(("start", "end"), [(1, None), (0, 1), (-1, None), (-2, -1), (0, 9), (1, 1)])
def test_a_sliced_shape_is_that_part(start: int, end: int | None) -> None:
    """Also one that is an output of the graph, in a graph that is old enough."""
    bounds = {"start": start, **({} if end is None else {"end": end})}
    node = ir.node("Shape", [value("x")], bounds)
    node.outputs[0].name, node.outputs[0].type = "part", ir.TensorType(ir.DataType.INT64)
    model = graph_of(node)
    model.graph.opset_imports[""] = 17

    (found,) = run(lower_opset(model), {"x": np.zeros((2, 3), np.float32)}).values()

    assert found.tolist() == [2, 3][start:end]


def graph_of(node: ir.Node) -> ir.Model:
    """A model of one node, in opset 18."""
    graph = ir.Graph(
        [value for value in node.inputs if value is not None and value.producer() is None],
        node.outputs,
        nodes=[node],
        opset_imports={"": 18},
        name="one",
    )
    return ir.Model(graph, ir_version=10)


def value(name: str, dtype: ir.DataType = ir.DataType.FLOAT) -> ir.Value:
    """An input of the graph."""
    return ir.Value(name=name, type=ir.TensorType(dtype), shape=ir.Shape([2, 3]))


def test_an_operator_that_came_later_is_refused() -> None:
    """The sentence names it and its place."""
    model = graph_of(ir.node("Mish", [value("x")], name="somewhere"))

    with pytest.raises(ExportError, match="the operator Mish at somewhere has no spelling in opset 17"):
        lower_opset(model)


def test_computed_axes_are_refused() -> None:
    """An attribute cannot hold them."""
    model = graph_of(ir.node("ReduceMean", [value("x"), value("axes", ir.DataType.INT64)], name="somewhere"))

    with pytest.raises(ExportError, match="its axes are computed"):
        lower_opset(model)


def test_a_newer_default_that_is_not_kept_is_refused() -> None:
    """Antialiasing has no older form."""
    model = graph_of(ir.node("Resize", [value("x")], {"antialias": 1}, name="somewhere"))

    with pytest.raises(ExportError, match="its antialias is not 0"):
        lower_opset(model)


def test_a_graph_that_is_older_stays() -> None:
    """17 and below are read as they are."""
    model = graph_of(ir.node("Relu", [value("x")], name="somewhere"))
    model.graph.opset_imports[""] = 13

    assert opset_of(lower_opset(model)) == 13
