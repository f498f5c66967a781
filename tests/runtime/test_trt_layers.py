"""What engines compute in, as TensorRT's inspector tells it."""

from __future__ import annotations

import json

import pytest

from lightning_trt.precision import DType
from lightning_trt.runtime.trt_layers import layers_of


def told(kind: str, *inputs: str, outputs: tuple[str, ...] = (), key: str = "Format/Datatype") -> str:
    """The inspector's JSON of one layer."""
    layer = {
        "LayerType": kind,
        "Inputs": [{key: each} for each in inputs],
        "Outputs": [{key: each} for each in outputs],
    }
    return json.dumps({"Layers": [layer]})


@pytest.mark.parametrize(
    ("spelled", "dtype"),
    [
        ("Thirty-two wide channel vectorized row major Int8 format", DType.int8),
        ("Row major linear FP16 format", DType.fp16),
        ("Channel major FP16 format where channel % 8 == 0", DType.fp16),
        ("Row major linear FP32 format (kLINEAR)", DType.fp32),
        ("Row major linear BFloat16 format (kLINEAR)", DType.bf16),
        ("Row major linear FP8 format", DType.fp8),
    ],
)
def test_types_are_read_from_the_text(spelled: str, dtype: DType) -> None:
    """As TensorRT 8 to 10 spell them."""
    assert layers_of(told("CaskConvolution", spelled)) == {dtype: 1}


@pytest.mark.parametrize("text", [told("CaskConvolution", "N/A due to dynamic shapes"), ""], ids=["N/A", "nothing"])
def test_what_the_inspector_does_not_tell_is_not_counted(text: str) -> None:
    """TensorRT 8.6 says "N/A", or fails, where an engine has several profiles."""
    assert layers_of(text) == {}


def test_types_are_read_from_the_field() -> None:
    """As TensorRT 11 tells them."""
    assert layers_of(told("conv", "Half", key="Datatype")) == {DType.fp16: 1}


def test_what_moves_values_is_no_layer() -> None:
    """Reformatting proves nothing."""
    assert layers_of(told("Reformat", "Row major linear FP16 format")) == {}


def test_a_fused_part_counts_by_its_lowest_edge() -> None:
    """TensorRT 8 shows no more of what its compiler made."""
    assert layers_of(told("Myelin", "Row major linear FP32", outputs=("Row major linear FP16",))) == {DType.fp16: 1}


def test_a_fused_part_between_floats_proves_nothing() -> None:
    """It may compute in anything inside."""
    assert layers_of(told("Myelin", "Row major linear FP32", outputs=("Row major linear FP32",))) == {DType.other: 1}


def test_control_characters_are_read() -> None:
    """TensorRT 8.6 writes them into its strings."""
    assert layers_of('{"Layers": [{"LayerType": "gemm", "Name": "a\tb\x01", "Inputs": []}]}') == {DType.other: 1}


def test_an_engine_without_details_has_no_layers() -> None:
    """Names alone tell no type."""
    assert layers_of('{"Layers": ["conv1", "conv2"]}') == {}
