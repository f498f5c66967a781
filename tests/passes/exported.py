"""The nets as ONNX, each exported once a session, and what they compute."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import torch
from passes.nets import CASES, Case
from torch.export import Dim

from lightning_trt.artifacts import Boundary, OnnxGraph, Range, Ranges, Structure, TensorSpec
from lightning_trt.passes import clean, quantized_tensors, tap

if TYPE_CHECKING:
    from numpy.typing import NDArray

Arrays = dict[str, "NDArray[Any]"]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A net's ONNX as the exporter wrote it and clean, one batch for it, and the net's own answer."""

    raw: ir.Model
    model: ir.Model
    feeds: Arrays
    answer: NDArray[Any]

    @property
    def graph(self) -> OnnxGraph:
        """The clean model as the stations hand it on."""
        nothing = Structure(kind="tuple")
        empty: tuple[TensorSpec, ...] = ()
        boundary = Boundary(name="", inputs=empty, outputs=empty, input_structure=nothing, output_structure=nothing)
        return OnnxGraph(model=self.model, boundary=boundary)

    @property
    def ranges(self) -> Ranges:
        """Extremes of what will carry Q/DQ, on the batch."""
        names = quantized_tensors(self.model)
        seen = {**run(tap(self.model, names), self.feeds), **self.feeds}
        low_high = {name: (float(seen[name].min()), float(seen[name].max())) for name in names}
        return Ranges(tensors={name: Range(low=low, high=high) for name, (low, high) in low_high.items()})


@cache
def exported(name: str) -> Exported:
    """The net of that name, exported with a dynamic batch."""
    case = CASES[name]
    net = case.net()
    inputs = case.inputs(4)
    raw = to_onnx(net, inputs, case)
    with torch.no_grad():
        answer = net(*inputs.values()).numpy()
    return Exported(
        raw=raw, model=clean(raw), feeds={key: value.numpy() for key, value in inputs.items()}, answer=answer
    )


def to_onnx(net: torch.nn.Module, inputs: dict[str, torch.Tensor], case: Case) -> ir.Model:
    """What torch writes for the net."""
    dims = {axis: Dim(name, min=1) for axis, name in {0: "batch", **case.axes}.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own deprecations
        program = torch.onnx.export(
            net,
            tuple(inputs.values()),
            dynamo=True,
            dynamic_shapes=tuple(dict(dims) for _ in inputs),
            opset_version=18,
            input_names=list(inputs),
            output_names=["answer"],
            verbose=False,
        )
    assert program is not None
    return program.model


def run(model: ir.Model, feeds: Arrays, *, optimized: bool = True) -> Arrays:
    """Outputs by name, from onnxruntime; without the optimizer that is wrong for half scales."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # On processors without VNNI (AVX2) int8 products else saturate in 16 bits: the net `text` was 10 % off.
    options.add_session_config_entry("session.x64quantprecision", "1")
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        ir.to_proto(model).SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=["WeightBiasQuantization"],
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def error(result: NDArray[Any], answer: NDArray[Any]) -> float:
    """Relative error (L2)."""
    difference = np.linalg.norm(result.astype(np.float64) - answer)
    return float(difference / np.linalg.norm(answer.astype(np.float64)))
