"""Graph surgery on ONNX, one rule a file: each pass takes a model and returns a new one."""

from __future__ import annotations

from lightning_trt.passes.bind import bind
from lightning_trt.passes.cast import cast
from lightning_trt.passes.clean import clean
from lightning_trt.passes.equalize import equalize, equalized
from lightning_trt.passes.extremes import Reduced, reduce_extremes
from lightning_trt.passes.lower import LOWERED_OPSET, lower_opset
from lightning_trt.passes.on_disk import save
from lightning_trt.passes.opset import opset_of, raise_opset
from lightning_trt.passes.placement import Placement, quantized_tensors
from lightning_trt.passes.qdq import insert_pairs
from lightning_trt.passes.tap import tap
from lightning_trt.passes.weights import WeightRanges

__all__ = [
    "LOWERED_OPSET",
    "Placement",
    "Reduced",
    "WeightRanges",
    "bind",
    "cast",
    "clean",
    "equalize",
    "equalized",
    "insert_pairs",
    "lower_opset",
    "opset_of",
    "quantized_tensors",
    "raise_opset",
    "reduce_extremes",
    "save",
    "tap",
]
