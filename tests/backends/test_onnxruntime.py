"""ONNX Runtime on the processor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import onnx_ir as ir
import pytest
import torch
from backends.conformance import Conformance
from backends.engines import built, candidate, net
from passes.exported import error, run

from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.errors import EngineError, ManifestError
from lightning_trt.precision import DType, Precision
from lightning_trt.settings import BuildSettings

if TYPE_CHECKING:
    from pathlib import Path


class TestConformance(Conformance):
    """Casts between layers are dropped: fp16 graphs compute in fp32."""

    computes_in = {Precision.fp16: DType.fp32}  # noqa: RUF012 - read only

    @pytest.fixture
    def backend(self) -> OnnxRuntime:
        """The backend under test."""
        return OnnxRuntime()


@pytest.mark.parametrize("precision", [Precision.tf32, Precision.bf16], ids=lambda each: each.value)
def test_arithmetic_that_the_processor_lacks_is_refused(precision: Precision) -> None:
    """The sentence says where it can be had."""
    assert f"{precision.value} on TensorRT" in (OnnxRuntime().why_not(precision) or "")


@pytest.mark.parametrize("precision", [Precision.fp16, Precision.int8, Precision.fp8], ids=lambda each: each.value)
def test_emulated_precisions_say_so(precision: Precision, tmp_path: Path) -> None:
    """A reader of the report must not take the latency for that of the type."""
    engine = built(net("residual"), OnnxRuntime(), precision=precision, into=tmp_path / "built")

    assert f"{precision.value} on onnxruntime" in engine.notes[-1]


@pytest.mark.parametrize("name", ["siamese", "depthwise", "unet"])
def test_quantized_nets_are_right_where_the_optimizer_was_not(name: str, tmp_path: Path) -> None:
    """Shared weights, clips before and biases after fp8 once failed, or gave other numbers."""
    case, backend = net(name), OnnxRuntime()
    engine = built(case, backend, precision=Precision.fp8, into=tmp_path / "built")
    args, _ = case.call(4)

    with backend.open(engine) as session:
        names = [spec.name for spec in case.boundary.inputs]
        result = session(dict(zip(names, args, strict=True)))["output_0"]

    answer = case.answer(4)
    assert (result - answer).norm() / answer.norm() < 0.2


@pytest.mark.parametrize("name", ["residual", "text"])
def test_int8_is_what_the_graph_says(name: str, tmp_path: Path) -> None:
    """No kernel that saturates on some processors takes part: the numbers are those of the unoptimized graph."""
    case, backend = net(name), OnnxRuntime()
    engine = built(case, backend, precision=Precision.int8, into=tmp_path / "int8")
    inputs = {spec.name: tensor for spec, tensor in zip(case.boundary.inputs, case.inputs, strict=True)}
    feeds = {key: tensor.numpy() for key, tensor in inputs.items()}
    plain = run(ir.load(engine.folder / engine.file), feeds, optimized=False)["output_0"]

    with backend.open(engine) as session:
        result = session(inputs)["output_0"].numpy()

    assert error(result, plain) < 5e-3


def test_the_number_of_threads_is_kept_with_the_engine(tmp_path: Path) -> None:
    """A loaded engine runs as it was built."""
    settings = BuildSettings(threads=2)
    made = candidate(net("nested"), OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "fp32", settings=settings)

    assert made.engines["net"].options["threads"] == "2"


def test_options_that_were_edited_are_refused(tmp_path: Path) -> None:
    """Nothing of a manifest reaches onnxruntime unread."""
    engine = built(net("nested"), OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "fp32")
    edited = replace(engine, options={"threads": "x"})

    with pytest.raises(ManifestError, match="are not those of an onnxruntime session"):
        OnnxRuntime().open(edited)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """An adopted file has no digest; onnx itself must read it."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x0a\x12\xff")

    with pytest.raises(EngineError, match="cannot be read as ONNX"):
        OnnxRuntime().adopt(path)


@pytest.mark.parametrize("precision", [Precision.fp32, Precision.fp16, Precision.int8], ids=lambda each: each.value)
def test_a_file_alone_tells_its_precision(precision: Precision, tmp_path: Path) -> None:
    """The lowest type among its weights."""
    engine = built(net("residual"), OnnxRuntime(), precision=precision, into=tmp_path / "built")

    assert OnnxRuntime().adopt(engine.folder / engine.file).precision is precision


def test_threads_may_share_a_session(tmp_path: Path) -> None:
    """Calls of one session from several threads give what one thread gives."""
    case, backend = net("residual"), OnnxRuntime()
    batches = [case.call(samples)[0][0] for samples in (1, 2, 3, 4)]
    with backend.open(built(case, backend, precision=Precision.fp32, into=tmp_path / "fp32")) as session:
        alone = [session({"input_0": batch})["output_0"] for batch in batches]

        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda batch: session({"input_0": batch})["output_0"], batches))

    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))
