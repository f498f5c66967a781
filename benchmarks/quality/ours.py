"""From a trained net to our int8 graphs, and any int8 graph at work: one way to run them all."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import onnxruntime

from lightning_trt import calibrators
from lightning_trt.artifacts import BATCH, Boundary, OnnxGraph, Structure, TensorSpec
from lightning_trt.precision import Precision
from lightning_trt.settings import CalibrationSettings, CalibratorName
from lightning_trt.stages.calibrate import calibrate
from lightning_trt.stages.export import export
from lightning_trt.stages.rewrite import rewrite

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from lightning_trt.artifacts import Statistics
    from lightning_trt.passes import WeightRanges

__all__ = ["answers", "exported", "int8", "statistics_of"]

BATCH_SIZE = 250


@dataclass(frozen=True)
class _Sample:
    """One input as it reaches the boundary."""

    boundary: str
    index: int
    inputs: tuple[Tensor, ...]


def exported(net: nn.Module, inputs: Tensor) -> OnnxGraph:
    """The net as ONNX, for inputs like these."""
    tensor = Structure(kind="tensor", index=0)
    call = (Structure(kind="tuple", items=(tensor,)), Structure(kind="dict"))
    shape = tuple(net(inputs[:2]).shape[1:])
    boundary = Boundary(
        name="net",
        inputs=(TensorSpec(name="x", dtype="float32", shape=(BATCH, *inputs.shape[1:])),),
        outputs=(TensorSpec(name="answers", dtype="float32", shape=(BATCH, *shape)),),
        input_structure=Structure(kind="tuple", items=call),
        output_structure=tensor,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        return export(net, boundary, inputs=(inputs[:2],))


def statistics_of(graph: OnnxGraph, inputs: Tensor) -> Statistics:
    """What one pass over the calibration inputs sees."""
    samples = (_Sample("net", index, (each[None],)) for index, each in enumerate(inputs))
    settings = CalibrationSettings(samples=len(inputs))
    return calibrate({"net": graph}, samples, settings=settings, histograms=True, threads=1)["net"]


def int8(
    graph: OnnxGraph, statistics: Statistics, calibrator: CalibratorName, weights: WeightRanges | None = None
) -> ir.Model:
    """The graph in int8, the rest fp32."""
    ranges = calibrators.find(calibrator, CalibrationSettings()).ranges(statistics)
    made = rewrite(graph, precision=Precision.int8, high_precision=Precision.fp32, ranges=ranges, weights=weights)
    return made.model


def answers(model: ir.Model, inputs: Tensor) -> NDArray[np.float32]:
    """Outputs for all inputs, by onnxruntime with its own int8 kernels off: what int8 costs, not what a processor does.

    The same for our graphs and for everybody's.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(
        ir.to_proto(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: part.numpy()})[0] for part in inputs.split(BATCH_SIZE)])
