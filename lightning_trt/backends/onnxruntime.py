"""ONNX Runtime on the processor: the reference that runs everywhere.

It computes in fp32 whatever the graph's types: half-precision weights are widened, casts between layers dropped, and
Q/DQ round the values in between. Its own int8 kernels stay off: on processors without VNNI they saturate (seen on a
small transformer: an error of 0.097 of the output instead of 0.006), so that a drop would tell of the processor.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import onnx
import onnxruntime
from onnx import TensorProto, helper

from lightning_trt.artifacts import Engine
from lightning_trt.backends.onnx_file import described
from lightning_trt.errors import BuildError, EngineError, UnsupportedPrecisionError
from lightning_trt.passes import save
from lightning_trt.precision import Precision, PrecisionHome
from lightning_trt.runtime.onnx_session import OnnxSession
from lightning_trt.runtime.tensors import OnTensors
from lightning_trt.storage import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lightning_trt.artifacts import Boundary, OnnxGraph
    from lightning_trt.settings import BuildSettings

__all__ = ["OnnxRuntime"]

_FILE = "model.onnx"
_NOTES = {
    Precision.fp16: "fp16 on onnxruntime: weights rounded to fp16, arithmetic in fp32; it says nothing about overflow "
    "or speed of fp16 on a GPU",
    Precision.int8: "int8 on onnxruntime: values rounded to int8, products summed in fp32; the accuracy is that of "
    "int8, the speed is not",
    Precision.fp8: "fp8 on onnxruntime: values rounded to fp8, products summed in fp32; the accuracy is that of fp8, "
    "the speed is not",
}


class OnnxRuntime:
    """ONNX Runtime's processor kernels as a backend; its engine is the candidate's ONNX file."""

    name = "onnxruntime"
    version: str = onnxruntime.__version__
    precision_lives_in = PrecisionHome.graph
    high_precision = Precision.fp32

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing: the file runs on any processor and every later version."""
        return MappingProxyType({})

    def why_not(self, precision: Precision) -> str | None:
        """A sentence why this precision cannot be had here, or None."""
        if precision is Precision.tf32:
            return "onnxruntime has no tf32 on the processor. Ask for fp32 here, or for tf32 on TensorRT."
        if precision in _PROBES and not _has_kernels(precision):
            return (
                f"onnxruntime {self.version} has no {precision.value} kernels for the processor. Ask for fp16 here, or "
                f"for {precision.value} on TensorRT."
            )
        return None

    def build(self, graph: OnnxGraph, *, precision: Precision, into: Path, settings: BuildSettings) -> Engine:
        """The engine of `graph`, opened once to prove that it can be.

        Raises:
            UnsupportedPrecisionError: `why_not` had a reason.
            BuildError: onnxruntime cannot open the graph.
        """
        if reason := self.why_not(precision):
            raise UnsupportedPrecisionError(reason)
        files = save(graph.model, into / _FILE)
        options = _options(precision, threads=settings.threads)
        try:
            with OnnxSession(into / _FILE, boundary=graph.boundary, options=options) as session:
                layers = session.layers()
        except EngineError as error:
            raise BuildError(str(error)) from error
        engine = self._engine(into / _FILE, boundary=graph.boundary, precision=precision, options=options)
        return replace(engine, layers=layers, bytes=sum(path.stat().st_size for path in files))

    def open(self, engine: Engine) -> OnTensors:
        """A session of the engine, whose files were already checked."""
        return OnTensors(OnnxSession(engine.folder / engine.file, boundary=engine.boundary, options=engine.options))

    def adopt(self, path: Path) -> Engine:
        """The engine that the ONNX file at `path`, made by anybody, is; it has no manifest."""
        try:
            boundary, precision = described(path)
        except Exception as error:  # protobuf raises its own
            raise EngineError(f"{path} cannot be read as ONNX: {error}. Take the file as it was written.") from error
        return self._engine(path, boundary=boundary, precision=precision, options=_options(precision, threads=None))

    def _engine(self, path: Path, *, boundary: Boundary, precision: Precision, options: Mapping[str, str]) -> Engine:
        return Engine(
            folder=path.parent,
            file=path.name,
            sha256=sha256_of(path),
            bytes=path.stat().st_size,
            backend=self.name,
            backend_version=self.version,
            precision=precision,
            calibrator=None,
            boundary=boundary,
            build_seconds=0.0,  # the station holds the clock
            layers={},
            options=options,
            notes=(_NOTES[precision],) if precision in _NOTES else (),
        )


def _options(precision: Precision, *, threads: int | None) -> dict[str, str]:
    # Beyond `basic` the optimizer drops a Relu before an fp8 QuantizeLinear, or fails on it.
    level = "basic" if precision is Precision.fp8 else "all"
    return {"optimization": level, "threads": str(threads or 0)}


def _bf16_product() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Cast", ["x"], ["low"], to=TensorProto.BFLOAT16),
        helper.make_node("MatMul", ["low", "low"], ["product"]),
        helper.make_node("Cast", ["product"], ["y"], to=TensorProto.FLOAT),
    ]


def _fp8_rounding() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Constant", [], ["scale"], value_float=1.0),
        helper.make_node("Constant", [], ["zero"], value=helper.make_tensor("", TensorProto.FLOAT8E4M3FN, [], [0.0])),
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["low"]),
        helper.make_node("DequantizeLinear", ["low", "scale", "zero"], ["y"]),
    ]


_PROBES = {Precision.bf16: _bf16_product, Precision.fp8: _fp8_rounding}


@lru_cache
def _has_kernels(precision: Precision) -> bool:
    """Whether onnxruntime opens the smallest graph of that precision."""
    takes, gives = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 2]) for name in "xy")
    graph = helper.make_graph(_PROBES[precision](), "probe", [takes], [gives])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 - onnxruntime's own errors share no base class
        return False
    return True
