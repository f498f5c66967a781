"""Every net in every precision, against the net itself."""

from __future__ import annotations

import onnx_ir as ir
import pytest
from passes.exported import error, exported, run
from passes.nets import CASES

from lightning_trt.artifacts import Range, Ranges
from lightning_trt.errors import DataError, NonFiniteActivationsError, SettingsError
from lightning_trt.precision import Precision
from lightning_trt.stages.rewrite import rewrite

NETS = tuple(CASES)


@pytest.mark.parametrize("precision", [Precision.fp32, Precision.tf32], ids=lambda each: each.name)
def test_full_precision_leaves_the_graph_as_it_is(precision: Precision) -> None:
    """There is nothing to write into it."""
    graph = exported("residual").graph

    rewritten = rewrite(graph, precision=precision, high_precision=Precision.fp16, ranges=None)

    assert rewritten is graph


@pytest.mark.parametrize("name", NETS)
def test_fp16_agrees_with_the_net(name: str) -> None:
    """Half precision costs at most 2e-3 of the output."""
    net = exported(name)

    rewritten = rewrite(net.graph, precision=Precision.fp16)

    assert error(run(rewritten.model, net.feeds)["answer"], net.answer) < 2e-3


@pytest.mark.parametrize("rest", [Precision.fp32, Precision.fp16], ids=lambda each: each.name)
@pytest.mark.parametrize("name", NETS)
def test_int8_agrees_with_the_net(name: str, rest: Precision) -> None:
    """Eight bits with min-max ranges cost at most 5e-2 of the output."""
    net = exported(name)

    rewritten = rewrite(net.graph, precision=Precision.int8, high_precision=rest, ranges=net.ranges)

    assert error(run(rewritten.model, net.feeds)["answer"], net.answer) < 5e-2


@pytest.mark.parametrize("name", NETS)
def test_fp8_agrees_with_the_net(name: str) -> None:
    """Three bits of mantissa cost at most 0.2 of the output."""
    net = exported(name)

    rewritten = rewrite(net.graph, precision=Precision.fp8, ranges=net.ranges)

    assert error(run(rewritten.model, net.feeds)["answer"], net.answer) < 0.2


@pytest.mark.parametrize("name", NETS)
def test_bf16_is_valid_onnx(name: str) -> None:
    """The CPU has no bf16 kernels in onnxruntime: the checker has the word, in opset 22."""
    rewritten = rewrite(exported(name).graph, precision=Precision.bf16)

    assert rewritten.model.opset_imports[""] == 22
    assert ir.DataType.BFLOAT16 in {value.dtype for node in rewritten.model.graph for value in node.outputs}


@pytest.mark.parametrize(
    ("rest", "opset"), [(Precision.fp32, 18), (Precision.fp16, 19), (Precision.bf16, 22)], ids=["fp32", "fp16", "bf16"]
)
def test_opset_is_what_the_types_need(rest: Precision, opset: int) -> None:
    """Older runtimes read what needs no later opset."""
    net = exported("residual")

    rewritten = rewrite(net.graph, precision=Precision.int8, high_precision=rest, ranges=net.ranges)

    assert rewritten.model.opset_imports[""] == opset


@pytest.mark.parametrize(
    "precision", [Precision.fp16, Precision.bf16, Precision.int8, Precision.fp8], ids=lambda p: p.name
)
def test_inputs_and_outputs_keep_names_and_types(precision: Precision) -> None:
    """Whoever feeds the fp32 graph can feed this one."""
    net = exported("text")

    rewritten = rewrite(net.graph, precision=precision, ranges=net.ranges)

    before, after = net.model.graph, rewritten.model.graph
    assert [(v.name, v.dtype) for v in after.inputs] == [(v.name, v.dtype) for v in before.inputs]
    assert [(v.name, v.dtype) for v in after.outputs] == [(v.name, v.dtype) for v in before.outputs]


def test_the_given_graph_is_not_changed() -> None:
    """One exported graph serves every candidate."""
    net = exported("residual")
    before = ir.to_proto(net.model).SerializeToString(deterministic=True)

    rewrite(net.graph, precision=Precision.int8, ranges=net.ranges)

    assert ir.to_proto(net.model).SerializeToString(deterministic=True) == before


def test_quantizing_without_ranges_is_an_error() -> None:
    """It says to calibrate."""
    with pytest.raises(DataError, match="Calibrate first"):
        rewrite(exported("residual").graph, precision=Precision.int8)


def test_a_tensor_without_range_is_named() -> None:
    """Ranges of another version of the graph do not pass in silence."""
    net = exported("residual")
    short = Ranges(tensors={name: item for name, item in net.ranges.tensors.items() if name != "x"})

    with pytest.raises(DataError, match="no range: x"):
        rewrite(net.graph, precision=Precision.int8, ranges=short)


def test_an_infinite_range_is_named() -> None:
    """TensorRT would take an infinite scale without a word."""
    net = exported("residual")
    endless = Ranges(tensors={**net.ranges.tensors, "x": Range(low=0.0, high=float("inf"))})

    with pytest.raises(NonFiniteActivationsError, match="NaN or infinite: x"):
        rewrite(net.graph, precision=Precision.int8, ranges=endless)


def test_the_rest_cannot_be_int8() -> None:
    """What is not quantized computes in floats."""
    net = exported("residual")

    with pytest.raises(SettingsError, match="fp32, fp16 or bf16"):
        rewrite(net.graph, precision=Precision.int8, high_precision=Precision.int8, ranges=net.ranges)
