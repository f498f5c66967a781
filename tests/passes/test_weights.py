"""Ranges of weights: for each channel or for all, whole or clipped."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from passes.exported import error, exported, run

from lightning_trt.passes import WeightRanges, insert_pairs
from lightning_trt.passes.weights import quantize, scale_of, weight_amax
from lightning_trt.precision import Precision

WEIGHT = np.random.default_rng(0).laplace(size=(8, 20_000)).astype(np.float32)
WEIGHT[0] *= 50


def loss(chosen: WeightRanges) -> np.ndarray:
    """Squared error of each row of WEIGHT."""
    amax = weight_amax(WEIGHT, axis=0, chosen=chosen, precision=Precision.int8)
    scale = scale_of(amax, precision=Precision.int8, scale_type=ir.DataType.FLOAT)
    codes = quantize(WEIGHT, scale, axis=0, precision=Precision.int8).astype(np.float32)
    return ((codes * scale.astype(np.float32).reshape(-1, 1) - WEIGHT) ** 2).sum(axis=1)


def test_per_tensor_is_the_largest_of_all() -> None:
    """One range, that of the largest channel."""
    chosen = WeightRanges(per_tensor=True)

    amax = weight_amax(WEIGHT, axis=0, chosen=chosen, precision=Precision.int8)

    assert amax.shape == ()
    assert amax == np.abs(WEIGHT).max()


def test_clipping_never_costs_squared_error() -> None:
    """All of the weight is one of the ranges that are tried."""
    assert (loss(WeightRanges(clipped=True)) <= loss(WeightRanges())).all()


def test_clipping_gains_where_a_channel_has_many_weights() -> None:
    """The largest of many lies far out: the others gain resolution, few are clipped."""
    assert (loss(WeightRanges(clipped=True)) < 0.96 * loss(WeightRanges())).all()


@pytest.mark.parametrize(
    "chosen", [WeightRanges(per_tensor=True), WeightRanges(clipped=True)], ids=["tensor", "clipped"]
)
def test_graph_with_it_computes_nearly_the_same(chosen: WeightRanges) -> None:
    """Onnxruntime takes one scale for a weight too."""
    net = exported("residual")

    quantized = insert_pairs(net.model, ranges=net.ranges, precision=Precision.int8, weights=chosen)

    assert error(run(quantized, net.feeds, optimized=False)["answer"], net.answer) < 0.1


def test_per_tensor_scale_is_one_number() -> None:
    """Without an axis, as a backend expects it."""
    net = exported("residual")

    model = insert_pairs(net.model, ranges=net.ranges, precision=Precision.int8, weights=WeightRanges(per_tensor=True))

    scales = {
        node.inputs[1].shape.rank()
        for node in model.graph
        if node.op_type == "DequantizeLinear" and node.inputs[1] is not None and node.inputs[1].shape is not None
    }
    assert scales == {0}
