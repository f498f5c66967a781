"""The table of places, a rule at a time, on graphs of real nets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from passes.exported import exported

from lightning_trt.artifacts import Range, Ranges
from lightning_trt.passes import Placement, insert_pairs, quantized_tensors
from lightning_trt.passes.placement import Place, plan
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    import onnx_ir as ir


def places(name: str, op_type: str, placement: Placement | None = None) -> list[Place]:
    """Places at nodes of one operator."""
    model = exported(name).model
    kinds = {node.outputs[0].name: node.op_type for node in model.graph}
    return [place for place in plan(model, placement).places if kinds[place.node] == op_type]


def quantized(name: str) -> ir.Model:
    """The net in int8."""
    net = exported(name)
    return insert_pairs(net.model, ranges=net.ranges, precision=Precision.int8)


def scale_of(model: ir.Model, tensor: str) -> float:
    """Scale of the pair on a tensor."""
    node = next(n for n in model.graph if n.op_type == "QuantizeLinear" and n.inputs[0].name == tensor)
    return float(node.inputs[1].const_value.numpy())


def test_every_convolution_has_data_and_weight_quantized() -> None:
    """Rule 1: data per tensor, weight along axis 0."""
    found = places("residual", "Conv")

    assert [(place.index, place.axis) for place in found] == [(0, None), (1, 0)] * 6


@pytest.mark.parametrize(("op_type", "axis"), [("Gemm", 0), ("MatMul", 1)], ids=["gemm", "matmul"])
def test_linear_weight_axis_is_that_of_the_outputs(op_type: str, axis: int) -> None:
    """Rule 1: torch writes a head as Gemm with transB, and a projection of tokens as MatMul."""
    found = places("vision", op_type)

    assert {place.axis for place in found if place.index == 1} == {axis}


def test_products_of_activations_stay_float() -> None:
    """Rule 1: of the six MatMul of a block the two inside attention have no constant weight."""
    products = [node for node in exported("vision").model.graph if node.op_type == "MatMul"]

    assert len(products) == 6
    assert len({place.node for place in places("vision", "MatMul")}) == 4


def test_transposed_convolution_stays_float() -> None:
    """Rule 2: TensorRT has no int8 kernel for it."""
    assert places("unet", "ConvTranspose") == []


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_recurrent_nets_are_quantized_at_the_head_only(name: str) -> None:
    """Rule 2."""
    model = exported(name).model

    assert {place.node for place in plan(model).places} == {"answer"}


@pytest.mark.parametrize("name", ["residual", "depthwise", "vision", "unet"])
def test_no_pair_on_a_bias(name: str) -> None:
    """Rule 3: TensorRT refuses a quantized bias."""
    weighted = [node for node in quantized(name).graph if node.op_type in {"Conv", "Gemm"}]

    assert all(len(node.inputs) < 3 or node.inputs[2].producer() is None for node in weighted)


@pytest.mark.parametrize("name", ["residual", "depthwise", "squeeze_excite"])
def test_residual_addition_has_exactly_one_input_quantized(name: str) -> None:
    """Rule 4."""
    additions = [node for node in quantized(name).graph if node.op_type == "Add"]

    producers = [[value.producer() for value in node.inputs] for node in additions]

    assert additions
    for pair in producers:
        assert sum(node is not None and node.op_type == "DequantizeLinear" for node in pair) == 1


def test_backbone_is_the_longer_of_two_convolution_branches() -> None:
    """Rule 4: in a block that goes down, the pair goes to the 1x1 branch."""
    second = places("residual", "Add")[1]
    node = next(node for node in exported("residual").model.graph if node.outputs[0].name == second.node)

    branch = node.inputs[second.index].producer()

    assert branch is not None
    assert list(branch.inputs[1].shape) == [32, 16, 1, 1]


def test_additions_of_transformers_stay_float() -> None:
    """Rule 4: the residual stream is read by layer norms."""
    assert places("vision", "Add") == []


def test_average_pool_between_quantized_convolutions_is_quantized() -> None:
    """Rule 5."""
    assert [place.index for place in places("depthwise", "AveragePool")] == [0]


def test_concat_and_what_it_shares_have_one_scale() -> None:
    """Rules 6 and 7: the skip of a U-Net is read by the max-pool and by the concatenation."""
    model = exported("unet").model
    kinds = {node.op_type: str(node.outputs[0].name) for node in model.graph if node.op_type in {"Concat", "MaxPool"}}
    names = quantized_tensors(model)
    ranges = Ranges(tensors={name: Range(low=0.0, high=float(at + 1)) for at, name in enumerate(names)})

    pairs = insert_pairs(model, ranges=ranges, precision=Precision.int8)

    greatest = max(names.index(name) + 1 for name in kinds.values())
    assert scale_of(pairs, kinds["Concat"]) == scale_of(pairs, kinds["MaxPool"]) == np.float32(greatest / 127)


def test_gates_stay_float_unless_asked_for() -> None:
    """Rule 8."""
    found = places("squeeze_excite", "Conv")

    asked = places("squeeze_excite", "Conv", Placement(gates=True))

    assert len({place.node for place in found}) == 3
    assert len({place.node for place in asked}) == 5


def test_convolutions_of_few_channels_can_be_left_out() -> None:
    """The stem has 3 channels."""
    kept = places("residual", "Conv", Placement(least_channels=16))

    assert "x" not in {place.tensor for place in kept}
    assert len(kept) == 10


def test_depthwise_channels_are_counted_over_all_groups() -> None:
    """A depthwise weight has one input channel and is no tiny convolution."""
    kept = places("depthwise", "Conv", Placement(least_channels=16))

    assert len(kept) == len(places("depthwise", "Conv")) - 2


def test_a_named_node_can_stay_float() -> None:
    """What an accuracy search leaves out."""
    names = quantized_tensors(exported("lstm").model, Placement(excluded=frozenset({"answer"})))

    assert names == ()


def test_activations_come_in_graph_order() -> None:
    """Inputs first, then as they are computed."""
    model = exported("residual").model
    order = [value.name for value in (*model.graph.inputs, *(v for node in model.graph for v in node.outputs))]

    names = quantized_tensors(model)

    assert list(names) == sorted(names, key=order.index)
    assert names[0] == "x"


def test_shared_weights_are_quantized_once() -> None:
    """A net called twice has one copy of each quantized weight."""
    codes = [name for name in quantized("siamese").graph.initializers if name.endswith("weight_folded_quantized")]

    assert len(codes) == 1
