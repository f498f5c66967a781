"""Samples are told apart wherever a tensor keeps them."""

from __future__ import annotations

import numpy as np
import onnx.parser
import onnx_ir as ir
import pytest
import torch
from onnx_ir.passes.common import ShapeInferencePass
from torch import Tensor

from lightning_trt.artifacts import BATCH, Boundary, OnnxGraph, Statistics, Structure, TensorSpec, TensorStatistics
from lightning_trt.errors import NonFiniteActivationsError
from lightning_trt.replay import Captured
from lightning_trt.settings import CalibrationSettings
from lightning_trt.stages.calibrate import calibrate

SETTINGS = CalibrationSettings(block_size=4)
HEAD = '<ir_version: 8, opset_import: ["" : 18]> g (float[batch, 6, 4] x, float[5, 4] table) => (float[n, m, k] y)'
WEIGHT = "<float[4, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, int64[2] flat = {-1, 4}>"
ROUTES = {
    "batch first": "h = Relu(x)  y = MatMul(h, w)",
    "time first": "h = Transpose<perm = [1, 0, 2]>(x)  y = MatMul(h, w)",
    "batch and time in one": "h = Reshape(x, flat)  y = MatMul(h, w)",
}


def graph_of(route: str) -> OnnxGraph:
    """A graph of two inputs, of which `table` has no batch axis."""
    model = ir.from_proto(onnx.parser.parse_model(f"{HEAD} {WEIGHT} {{ {route} }}"))
    nothing = Structure(kind="tuple")
    inputs = (
        TensorSpec(name="x", dtype="float32", shape=(BATCH, 6, 4)),
        TensorSpec(name="table", dtype="float32", shape=(5, 4)),
    )
    boundary = Boundary(name="net", inputs=inputs, outputs=(), input_structure=nothing, output_structure=nothing)
    return OnnxGraph(model=ShapeInferencePass()(model).model, boundary=boundary)


def statistics_of(route: str, tables: list[Tensor]) -> tuple[Statistics, Tensor]:
    """What is seen of eleven samples with a table each, and the samples."""
    x = torch.randn(11, 6, 4, generator=torch.Generator().manual_seed(0))
    samples = [
        Captured(boundary="net", index=index, inputs=(x[index : index + 1], table))
        for index, table in enumerate(tables)
    ]
    seen = calibrate({"net": graph_of(route)}, samples, settings=SETTINGS, histograms=True)
    return seen["net"], x[: len(tables)].flatten(1)


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
def test_extremes_are_of_each_sample(route: str) -> None:
    """Whatever axis the batch is on."""
    seen, x = statistics_of(route, [torch.ones(5, 4)] * 11)

    expected = x.relu() if "Relu" in route else x
    np.testing.assert_array_equal(seen.tensors["h"].sample_highs, expected.max(dim=1).values.numpy())


def test_what_has_no_batch_axis_belongs_to_every_sample() -> None:
    """Its values count once for each."""
    seen, _ = statistics_of("h = Relu(table)  y = MatMul(h, w)", [torch.ones(5, 4)] * 11)

    assert seen.tensors["h"].count == 11 * 20


def test_a_block_holds_one_value_of_what_has_no_batch_axis() -> None:
    """Samples with other tables are run with their own."""
    tables = [torch.full((5, 4), float(number // 3)) for number in range(11)]

    seen, _ = statistics_of("h = Relu(table)  y = MatMul(h, w)", tables)

    assert seen.tensors["h"].sample_highs.tolist() == [float(number // 3) for number in range(11)]


def samples_of(x: Tensor) -> list[Captured]:
    """Each of `x` with the same table."""
    return [Captured(boundary="net", index=at, inputs=(x[at : at + 1], torch.ones(5, 4))) for at in range(len(x))]


@pytest.mark.parametrize("histograms", [True, False], ids=["histograms", "extremes alone"])
@pytest.mark.parametrize(("operator", "value", "found"), [("Sqrt", -1.0, "NaN"), ("Reciprocal", 0.0, "Inf")])
def test_what_is_not_finite_inside_is_found(operator: str, value: float, found: str, *, histograms: bool) -> None:
    """Though the inputs are finite, and onnxruntime's reductions pass over NaN."""
    x = torch.ones(8, 6, 4)
    x[5, 2, 1] = value
    graph = graph_of(f"h = {operator}(x)  y = MatMul(h, w)")

    with pytest.raises(NonFiniteActivationsError, match=rf"'h' \(.*1 {found}.*first item 5"):
        calibrate({"net": graph}, samples_of(x), settings=SETTINGS, histograms=histograms)


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
def test_extremes_alone_are_those_of_the_histograms(route: str) -> None:
    """The graph reduces what it else would show, and counts the same values."""
    samples = samples_of(torch.randn(11, 6, 4, generator=torch.Generator().manual_seed(1)))

    whole, fast = (
        calibrate({"net": graph_of(route)}, samples, settings=SETTINGS, histograms=flag)["net"].tensors
        for flag in (True, False)
    )

    assert {name: seen(each) for name, each in fast.items()} == {name: seen(each) for name, each in whole.items()}


def seen(one: TensorStatistics) -> tuple[int, list[float], list[float]]:
    """All that is kept of a tensor without histograms."""
    return one.count, one.sample_lows.tolist(), one.sample_highs.tolist()
