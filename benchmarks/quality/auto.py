"""A choice for each tensor: the calibrator whose range leaves the outputs nearest to fp32.

It was built to be measured, and is no part of lightning_trt: docs/adr/0004 says why. Tensors are visited once, in graph
order, from `mse` everywhere; another calibrator's range is kept where the Q/DQ graph's squared output error on 64
calibration samples falls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ours import answers

from lightning_trt import calibrators
from lightning_trt.artifacts import Ranges
from lightning_trt.precision import Precision
from lightning_trt.settings import CalibrationSettings, CalibratorName
from lightning_trt.stages.rewrite import rewrite

if TYPE_CHECKING:
    import onnx_ir as ir
    from torch import Tensor

    from lightning_trt.artifacts import OnnxGraph, Statistics

__all__ = ["auto"]

SAMPLES = 64


def auto(graph: OnnxGraph, statistics: Statistics, calibration: Tensor) -> ir.Model:
    """The int8 graph whose ranges were chosen tensor by tensor."""
    samples = calibration[:: max(1, len(calibration) // SAMPLES)][:SAMPLES]
    reference = answers(graph.model, samples)
    proposals = {
        name: calibrators.find(name, CalibrationSettings()).ranges(statistics).tensors for name in CalibratorName
    }

    def quantized(ranges: dict[str, object]) -> ir.Model:
        made = rewrite(
            graph, precision=Precision.int8, high_precision=Precision.fp32, ranges=Ranges(tensors=dict(ranges))
        )
        return made.model

    def error(ranges: dict[str, object]) -> float:
        return float(np.sum((answers(quantized(ranges), samples) - reference) ** 2))

    chosen = dict(proposals[CalibratorName.mse])
    least = error(chosen)
    for tensor in statistics.tensors:
        for proposed in {each[tensor].amax: each[tensor] for each in proposals.values()}.values():
            tried = {**chosen, tensor: proposed}
            found = error(tried)
            if found < least:
                chosen, least = tried, found
    return quantized(chosen)
