"""Torch on the program of a graph sees what onnxruntime sees on the graph."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from passes.nets import CASES

from lightning_trt import calibrators
from lightning_trt.artifacts import BATCH, Boundary, OnnxGraph, Statistics, Structure, TensorSpec
from lightning_trt.errors import NonFiniteActivationsError
from lightning_trt.passes import equalized, quantized_tensors
from lightning_trt.replay import Captured
from lightning_trt.settings import CalibrationSettings, CalibratorName
from lightning_trt.stages.calibrate import Runner, calibrate
from lightning_trt.stages.calibrate.program import why_not_walked
from lightning_trt.stages.export import export
from lightning_trt.storage import Cache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = CalibrationSettings(block_size=4)
NETS = ["residual", "depthwise", "vision", "unet", "text"]
CPU = torch.device("cpu")


@cache
def graph_of(name: str) -> OnnxGraph:
    """The net of that name, as the station exports it."""
    case = CASES[name]
    inputs = case.inputs(4)
    tensors = tuple(Structure(kind="tensor", index=index) for index in range(len(inputs)))
    call = (Structure(kind="tuple", items=tensors), Structure(kind="dict"))
    boundary = Boundary(
        name="net",
        inputs=tuple(
            TensorSpec(
                name=key,
                dtype=str(value.dtype).removeprefix("torch."),
                shape=tuple({0: BATCH, **case.axes}.get(axis, size) for axis, size in enumerate(value.shape)),
            )
            for key, value in inputs.items()
        ),
        outputs=(TensorSpec(name="answer", dtype="float32", shape=(BATCH, 1)),),
        input_structure=Structure(kind="tuple", items=call),
        output_structure=Structure(kind="tensor", index=0),
    )
    return export(case.net(), boundary, inputs=tuple(inputs.values()))


def samples_of(name: str, *, count: int = 10, broken: float | None = None) -> Iterator[Captured]:
    """Random samples of that net; the eighth holds `broken`, where it is given."""
    torch.manual_seed(2)
    inputs = [tensor.clone() for tensor in CASES[name].inputs(count).values()]
    if broken is not None:
        inputs[0][7].view(-1)[0] = broken
    for index in range(count):
        yield Captured(boundary="net", index=index, inputs=tuple(tensor[index : index + 1] for tensor in inputs))


def seen(graph: OnnxGraph, name: str, *, device: torch.device | None, histograms: bool = True) -> Statistics:
    """What one pass sees, by torch on `device`, or by onnxruntime."""
    given = {"settings": SETTINGS, "histograms": histograms, "threads": 1}
    return calibrate({"net": graph}, samples_of(name), device=device, **given)["net"]


def prepared(name: str, *, is_equalized: bool) -> OnnxGraph:
    """The graph as it was exported, or equalized."""
    graph = graph_of(name)
    if not is_equalized:
        return graph
    model, octaves = equalized(graph.model)
    return replace(graph, model=model, octaves=octaves)


@pytest.mark.parametrize("is_equalized", [False, True], ids=["exported", "equalized"])
@pytest.mark.parametrize("name", NETS)
def test_each_sample_has_the_same_extremes(name: str, *, is_equalized: bool) -> None:
    """In every tensor that will carry Q/DQ, the last block's padding left out."""
    graph = prepared(name, is_equalized=is_equalized)

    walked, run = (seen(graph, name, device=device) for device in (CPU, None))

    assert list(walked.tensors) == list(quantized_tensors(graph.model))
    for tensor, one in walked.tensors.items():
        other = run.tensors[tensor]
        assert one.count == other.count
        np.testing.assert_allclose(one.sample_lows, other.sample_lows, rtol=1e-3, atol=1e-4 * (other.high - other.low))
        np.testing.assert_allclose(
            one.sample_highs, other.sample_highs, rtol=1e-3, atol=1e-4 * (other.high - other.low)
        )


@pytest.mark.parametrize("calibrator", list(CalibratorName), ids=lambda each: each.value)
def test_ranges_are_the_same(calibrator: CalibratorName) -> None:
    """To a bin of the histogram; the entropy's minimum is flat, and may move by several."""
    graph = prepared("residual", is_equalized=True)
    read = calibrators.find(calibrator, SETTINGS)

    walked, run = (read.ranges(seen(graph, "residual", device=device)).tensors for device in (CPU, None))

    tolerance = 0.1 if "entropy" in calibrator.value else 1 / 32
    for tensor, one in walked.items():
        assert one.amax == pytest.approx(run[tensor].amax, rel=tolerance)


def test_histograms_differ_by_the_rounding_of_kernels_alone() -> None:
    """Hardly a value is on the other side of a bin's end."""
    walked, run = (seen(graph_of("residual"), "residual", device=device) for device in (CPU, None))

    for tensor, one in walked.tensors.items():
        moved = np.abs(one.positive - run.tensors[tensor].positive).sum()
        assert moved <= 0.002 * one.count


def test_extremes_alone_keep_no_histogram() -> None:
    """As nobody asked for it."""
    walked = seen(graph_of("residual"), "residual", device=CPU, histograms=False)

    assert not any(each.positive is not None for each in walked.tensors.values())


@pytest.mark.parametrize(
    ("value", "counted"), [(np.nan, "1 NaN, 0 Inf"), (-np.inf, "0 NaN, 1 Inf")], ids=["nan", "inf"]
)
@pytest.mark.parametrize("histograms", [True, False], ids=["histograms", "extremes alone"])
def test_what_is_not_finite_is_named(value: float, counted: str, *, histograms: bool) -> None:
    """Tensor, number and item, as by onnxruntime."""
    samples = samples_of("residual", broken=value)

    with pytest.raises(NonFiniteActivationsError, match=rf"'x' \({counted}\).*first item 7"):
        calibrate({"net": graph_of("residual")}, samples, settings=SETTINGS, histograms=histograms, device=CPU)


def test_a_graph_without_a_program_runs_in_onnxruntime() -> None:
    """To the bit, and the runner says so."""
    graph = replace(graph_of("residual"), program=None)

    walked, run = (seen(graph, "residual", device=device) for device in (CPU, None))

    assert walked.key == run.key
    assert "ONNX Runtime on the processor" in str(Runner(device=CPU).why_not(graph))


def test_a_tensor_that_the_program_does_not_show_is_named() -> None:
    """There is no silent hole."""
    graph = graph_of("residual")
    model = graph.model.clone()
    next(node for node in model.graph if node.op_type == "MaxPool").outputs[0].name = "elsewhere"

    assert why_not_walked(replace(graph, model=model)) == "its program shows no elsewhere"


def test_what_torch_saw_is_kept_apart(tmp_path: Path) -> None:
    """A cache finds what the same runner saw, and nothing of the other."""
    kept = Cache(folder=tmp_path)
    found = []

    for device in (None, CPU, CPU):
        samples = list(samples_of("residual"))
        passed = calibrate(
            {"net": graph_of("residual")}, samples, settings=SETTINGS, histograms=True, cache=kept, device=device
        )
        found.append(passed["net"].is_recalled)

    assert found == [False, False, True]
