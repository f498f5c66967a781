"""What int8 is calibrated on: how many samples, in which batches, and that nothing of them is held."""

from __future__ import annotations

import warnings
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
import torch
from compat.nets import ON_CPU, Batches, Dataset, images, net
from onnx import numpy_helper

from lightning_trt.artifacts import BATCH, Boundary, Structure, TensorSpec
from lightning_trt.compat.samples import pulled
from lightning_trt.compat.torch2trt import torch2trt
from lightning_trt.precision import DType

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.compat.report import ConversionReport

PERCENTILE: dict[str, Any] = {"int8_mode": True, "int8_calib_algorithm": "percentile"}
BOUNDARY = Boundary(
    name="",
    inputs=(TensorSpec(name="x", dtype="float32", shape=(BATCH, 4)),),
    outputs=(),
    input_structure=Structure(kind="tuple"),
    output_structure=Structure(kind="tuple"),
)


def scales(folder: Path) -> dict[str, Any]:
    """Scale of every pair in the engine's graph, by the tensor that it is of."""
    graph = onnx.load(str(folder / "model.onnx")).graph
    values = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    return {node.input[0]: values[node.input[1]] for node in graph.node if node.op_type == "QuantizeLinear"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of engines that are converted once: int8 with batches of 1 and of 32, and with fp16."""
    path = tmp_path_factory.mktemp("engines")
    torch2trt(net(), [images(64)], **PERCENTILE, dirpath=path / "1", **ON_CPU)
    torch2trt(net(), [images(64)], **PERCENTILE, int8_calib_batch_size=32, dirpath=path / "32", **ON_CPU)
    torch2trt(net(), [images(64)], **PERCENTILE, fp16_mode=True, dirpath=path / "both", **ON_CPU)
    return path


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """The report on a conversion, what it said, and the dataset that it was calibrated on."""

    report: ConversionReport
    said: str
    dataset: Batches


@pytest.fixture(scope="module")
def quantized() -> Quantized:
    """The net by TensorRT's minmax, calibrated on 70 pictures in batches of 32."""
    dataset = Batches(images(70))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        model_trt = torch2trt(
            net(),
            [images(1)],
            int8_mode=True,
            int8_calib_dataset=dataset,
            int8_calib_algorithm="MINMAX_CALIBRATION",
            int8_calib_batch_size=32,
            **ON_CPU,
        )
    return Quantized(report=model_trt.report, said="; ".join(str(each.message) for each in said), dataset=dataset)


def test_a_dataset_takes_the_place_of_the_inputs() -> None:
    """All of it is read, in order, and the input data is not calibrated on."""
    dataset = Dataset(images(10, seed=1))

    model_trt = torch2trt(net(), [images(1) * 100], int8_mode=True, int8_calib_dataset=dataset, **ON_CPU)

    assert dataset.asked == list(range(10))
    assert model_trt.report.calibration_samples == 10
    error = (model_trt(images(1)) - net()(images(1))).abs().max()
    assert error < 0.01  # ranges of the inputs, a hundred times too wide, would round everything away


def test_batches_have_the_size_that_was_asked_for(quantized: Quantized) -> None:
    """And the last one what is left."""
    report = quantized.report

    assert quantized.dataset.sizes == [32, 32, 6]
    assert (report.calibration_batches, report.calibration_batch_size) == (3, 32)


def test_ranges_of_ours_do_not_depend_on_the_batch_size(folder: Path) -> None:
    """To the bit: each forward pass is over blocks of a fixed size."""
    first, second = scales(folder / "1"), scales(folder / "32")

    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_sample_is_read_when_it_is_asked_for() -> None:
    """A batch at a time, so that a dataset may be larger than memory."""
    dataset = Dataset(torch.zeros(10, 4))
    batches = pulled(dataset, BOUNDARY, batch_size=4)

    next(batches)

    assert dataset.asked == [0, 1, 2, 3]


class Counted:
    """A dataset that knows how many of its samples are alive."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.alive = self.most = 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> list[torch.Tensor]:
        tensor = torch.full((1, 4), float(index))
        self.alive += 1
        self.most = max(self.most, self.alive)
        weakref.finalize(tensor, self.release)
        return [tensor]

    def release(self) -> None:
        """One less."""
        self.alive -= 1


def test_a_large_dataset_costs_no_more_memory_than_a_small_one() -> None:
    """100,000 samples pass, and at most two batches of them are alive at once."""
    dataset = Counted(100_000)

    passed = sum(len(batch) for batch in pulled(dataset, BOUNDARY, batch_size=10))

    assert passed == 100_000
    assert dataset.most <= 20


def test_who_found_the_ranges_is_said(quantized: Quantized) -> None:
    """Where TensorRT's own was asked for and there is none, ours with the same algorithm does it, and says so."""
    assert "minmax of lightning-trt, the same algorithm, finds the ranges" in quantized.said
    assert quantized.report.calibrator == "minmax, of lightning-trt"


def test_int8_with_fp16_computes_the_rest_in_fp16(folder: Path) -> None:
    """Both modes together; int8 alone leaves the rest in fp32. A scale has the type of what is quantized."""
    types = {name: {each.dtype.name for each in scales(folder / name).values()} for name in ("both", "1")}

    # The input is fp32 in both: its binding is.
    assert types == {"both": {"float16", "float32"}, "1": {"float32"}}


def test_the_report_tells_each_layer(quantized: Quantized) -> None:
    """Each layer has its name and the type it computes in, printed a line each."""
    report = quantized.report

    text = str(report)
    assert text.startswith("int8 allowed on onnxruntime")
    assert "ranges by minmax, of lightning-trt, from 70 samples in 3 batches of 32" in text
    assert all(f"{dtype.value}  {name}" in text for name, dtype in report.layers)
    assert report.counts[DType.int8] == 3
