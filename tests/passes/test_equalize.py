"""Channels brought to one size, by powers of two, where the graph computes the same bits."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passes.exported import exported, run
from passes.nets import CASES
from passes.written import answer, array_of, changed, rescaled, written

from lightning_trt.passes import equalize

TWO = "Conv(x, a, p)", "Conv(r, b, q)"
SHAPES = {"a": (6, 4, 3, 3), "p": (6,), "b": (5, 6, 3, 3), "q": (5,)}


def two(between: str) -> ir.Model:
    """Two convolutions with something between them."""
    return written(f"c = {TWO[0]} r = {between} y = {TWO[1]}", **SHAPES)


COMMUTING = {
    "relu": two("Relu(c)"),
    "leaky relu": two("LeakyRelu<alpha = 0.3>(c)"),
    "clip at zero": two("Clip(c, zero)"),
    "max-pool": two("MaxPool<kernel_shape = [2, 2]>(c)"),
    "average pool": two("AveragePool<kernel_shape = [2, 2]>(c)"),
    "prelu": written("c = Conv(x, a, p) r = PRelu(c, s) y = Conv(r, b, q)", s=(6, 1, 1), **SHAPES),
    "constant product": written("c = Conv(x, a, p) r = Mul(c, s) y = Conv(r, b, q)", s=(6, 1, 1), **SHAPES),
    "constant sum": written("c = Conv(x, a, p) d = Add(c, s) r = Relu(d) y = Conv(r, b, q)", s=(6, 1, 1), **SHAPES),
    "depthwise": written(
        "c = Conv(x, a, p) d = Relu(c) e = Conv<group = 6>(d, f) r = Relu(e) y = Conv(r, b, q)",
        f=(6, 1, 3, 3), **SHAPES,
    ),
    "grouped": written(
        "c = Conv(x, a, p) d = Relu(c) r = Conv<group = 2>(d, f) y = Conv(r, b, q)", f=(6, 3, 1, 1), **SHAPES
    ),
    "transposed convolution": written(
        "c = Conv(x, a, p) d = Relu(c) r = ConvTranspose(d, f) y = Conv(r, b, q)", f=(6, 6, 2, 2), **SHAPES
    ),
    "residual": written(
        "c = Conv(x, a, p) d = Conv(c, f) r = Add(c, d) y = Conv(r, b, q)", f=(6, 6, 1, 1), **SHAPES
    ),
    "concatenation": written(
        "c = Conv(x, a, p) d = Conv(x, f) r = Concat<axis = 1>(c, d) y = Conv(r, g)",
        a=(6, 4, 3, 3), p=(6,), f=(3, 4, 3, 3), g=(5, 9, 1, 1),
    ),
    "gate": written(
        "c = Conv(x, a, p) m = GlobalAveragePool(c) n = Conv(m, f) s = Sigmoid(n) r = Mul(c, s) y = Conv(r, b, q)",
        f=(6, 6, 1, 1), **SHAPES,
    ),
    "mean and linear": written(
        "c = Conv(x, a, p) m = ReduceMean<keepdims = 0>(c, axes) y = Gemm<transB = 1>(m, g)",
        a=(6, 4, 3, 3), p=(6,), g=(5, 6),
    ),
    "flattened": written(
        "c = Conv(x, a, p) m = Flatten(c) y = Gemm<transB = 1>(m, g)", a=(6, 4, 7, 7), p=(6,), g=(5, 24)
    ),
    "layer norm": written(
        "t = Transpose<perm = [0, 2, 3, 1]>(x) n = LayerNormalization<axis = -1>(t, g, h) y = MatMul(n, w)",
        g=(4,), h=(4,), w=(4, 5),
    ),
}  # fmt: skip

PINNING = {
    "relu6": two("Clip(c, zero, six)"),
    "hard-swish": two("HardSwish(c)"),
    "sigmoid": two("Sigmoid(c)"),
    "product of two": written("c = Conv(x, a, p) r = Mul(c, c) y = Conv(r, b, q)", **SHAPES),
    "a graph output": written("c = Conv(x, a, p) y = Relu(c)", a=(6, 4, 3, 3), p=(6,)),
    "another reader of the weight": written(
        "c = Conv(x, a, p) r = Relu(c) d = Conv(r, b, q) s = ReduceSum<keepdims = 0>(b) y = Add(d, s)", **SHAPES
    ),
}


@pytest.mark.parametrize("model", COMMUTING.values(), ids=COMMUTING)
def test_rescaled_channels_compute_the_same_bits(model: ir.Model) -> None:
    """Factors pass, and are powers of two."""
    equalized = equalize(model)

    assert changed(model, equalized)
    assert np.array_equal(answer(equalized), answer(model))


@pytest.mark.parametrize("model", PINNING.values(), ids=PINNING)
def test_what_does_not_commute_stays(model: ir.Model) -> None:
    """Not one constant moves."""
    assert not changed(model, equalize(model))


@pytest.mark.parametrize("name", CASES)
def test_whole_nets_compute_the_same_bits(name: str) -> None:
    """Of every kind that users train, as the exporter writes them."""
    net = exported(name)

    equalized = equalize(net.model)

    before, after = (run(model, net.feeds, optimized=False) for model in (net.model, equalized))
    assert all(np.array_equal(before[output], after[output]) for output in before)


@given(octaves=st.lists(st.integers(-8, 8), min_size=6, max_size=6))
@settings(max_examples=5, deadline=None)
def test_a_twin_comes_out_as_its_net(octaves: list[int]) -> None:
    """However the channels between two layers were scaled by powers of two, the result has the same weights."""
    model = COMMUTING["relu"]
    twin = rescaled(model, np.array(octaves), writers="a p", readers="b")

    equalized = equalize(twin)

    assert not changed(equalize(model), equalized)


def test_writers_and_readers_meet() -> None:
    """After it the largest weight that writes a channel is the largest that reads it, to a factor of two."""
    equalized = equalize(rescaled(two("Relu(c)"), np.array([5, -5, 3, 0, 1, -2]), writers="a p", readers="b"))

    written_by, read_by = (np.abs(array_of(equalized, name)) for name in "ab")
    ratios = written_by.max(axis=(1, 2, 3)) / read_by.max(axis=(0, 2, 3))
    assert ((ratios >= 1 / 2.2) & (ratios <= 2.2)).all()


def test_a_channel_of_zeros_keeps_its_size() -> None:
    """Nothing tells how large it should be."""
    model = two("Relu(c)")
    weight = array_of(model, "a").copy()
    weight[2] = 0
    model.graph.initializers["a"].const_value = ir.Tensor(weight, name="a")

    equalized = equalize(model)

    assert np.array_equal(array_of(equalized, "b")[:, 2], array_of(model, "b")[:, 2])


def test_what_would_lose_digits_stays() -> None:
    """A weight at the end of what fp32 holds is not moved beyond it."""
    model = two("Relu(c)")
    weight = array_of(model, "a").copy()
    weight[:, 0, 0, 0] = 1.2e-38
    model.graph.initializers["a"].const_value = ir.Tensor(weight * 8, name="a")
    small = array_of(model, "b").copy() / 2**20
    model.graph.initializers["b"].const_value = ir.Tensor(small, name="b")

    assert not changed(model, equalize(model))


def test_the_given_graph_is_left_alone() -> None:
    """The result is another model."""
    model = two("Relu(c)")
    before = array_of(model, "a").copy()

    equalize(model)

    assert np.array_equal(array_of(model, "a"), before)
