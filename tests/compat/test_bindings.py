"""Inputs and outputs of an engine: types of the module, shapes of the inputs, and how they nest."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from compat.nets import ON_CPU, Pictures, Tokens, converted, images, net
from torch import Tensor, nn

from lightning_trt.compat.torch2trt import torch2trt
from lightning_trt.errors import InputMismatchError, SettingsError, UnsupportedPrecisionError

FP16 = {"fp16_mode": True}
INT8 = {"fp16_mode": True, "int8_mode": True, "int8_calib_algorithm": "minmax"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=["float", "half"])
@pytest.mark.parametrize("modes", [FP16, INT8], ids=["fp16", "int8"])
def test_bindings_follow_the_module(modes: dict[str, Any], dtype: torch.dtype) -> None:
    """Whatever the precision inside."""
    model_trt = converted(dtype, **modes)

    result = model_trt(images(2).to(dtype))
    specs = (*model_trt.engine.boundary.inputs, *model_trt.engine.boundary.outputs)
    assert result.dtype is dtype
    assert {getattr(torch, spec.dtype) for spec in specs} == {dtype}
    assert torch.allclose(result.float(), net()(images(2)), atol=0.02)


def test_integers_and_booleans_keep_their_types() -> None:
    """torch2trt drops them from the inputs; names come from the caller."""
    ids = torch.arange(6).reshape(2, 3)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    model = Tokens().eval()

    model_trt = torch2trt(
        model, {"ids": ids, "mask": mask}, input_names=["ids", "mask"], output_names=["logits", "length"], **ON_CPU
    )

    result = model_trt(ids=ids, mask=mask)
    assert [spec.dtype for spec in model_trt.engine.boundary.inputs] == ["int64", "bool"]
    assert model_trt.output_names == ["logits", "length"]
    assert torch.allclose(result["logits"], model(ids, mask)["logits"], atol=1e-5)
    assert torch.equal(result["length"], torch.tensor([2, 1]))


def test_inputs_may_nest() -> None:
    """Lists, tuples and dicts in one another, as the module takes them."""

    class Nested(nn.Module):
        def forward(self, pair: tuple[Tensor, dict[str, Tensor]]) -> list[Tensor]:
            return [pair[0] + pair[1]["shift"], pair[0] * 2]

    x, shift = torch.ones(2, 3), torch.full((2, 3), 5.0)
    model_trt = torch2trt(Nested().eval(), [(x, {"shift": shift})], **ON_CPU)

    first, second = model_trt((x, {"shift": shift}))
    assert torch.equal(first, torch.full((2, 3), 6.0))
    assert torch.equal(second, torch.full((2, 3), 2.0))


def test_shapes_are_fixed_unless_told_otherwise() -> None:
    """As in torch2trt; another batch is refused."""
    model_trt = converted(torch.float32, **FP16)

    with pytest.raises(InputMismatchError, match="axis 0 must be 2"):
        model_trt(images(3))


def test_max_batch_size_lets_the_batch_vary() -> None:
    """From one to it."""
    model_trt = torch2trt(net(), [images(1)], max_batch_size=16, **ON_CPU)

    assert model_trt(images(5)).shape == (5, 10)


def test_shapes_vary_between_the_least_and_the_largest() -> None:
    """Height and width by themselves."""
    model_trt = torch2trt(net(), [images(2)], min_shapes=[(1, 3, 8, 8)], max_shapes=[(8, 3, 32, 32)], **ON_CPU)

    other = torch.randn(3, 3, 9, 20)
    assert torch.allclose(model_trt(other), net()(other), atol=1e-4)


def test_a_dataset_says_what_varies() -> None:
    """Its samples' shapes are the profile; where it is quantized too, they calibrate."""

    class Lengths:
        def __len__(self) -> int:
            return 6

        def __getitem__(self, index: int) -> list[Tensor]:
            return [torch.ones(1, 3, 8 + index, 10)]

    model_trt = torch2trt(net(), Lengths(), int8_mode=True, **ON_CPU)

    assert model_trt.engine.boundary.inputs[0].shape == (1, 3, "input_0_axis_2", 10)
    assert model_trt.report.calibration_samples == 6
    assert model_trt(torch.ones(1, 3, 11, 10)).shape == (1, 10)


def test_a_module_that_takes_one_batch_size_alone_is_taken_with_that() -> None:
    """A size written into the module: torch2trt, which traces, takes it too."""

    class Rigid(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(12, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x.view(4, 12))

    x = torch.randn(4, 3, 4)
    model = Rigid().eval()
    model_trt = torch2trt(model, [x], int8_mode=True, int8_calib_algorithm="minmax", **ON_CPU)

    assert torch.allclose(model_trt(x), model(x), atol=0.05)


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        ({"min_shapes": [(1, 3, 8)]}, "as many axes"),
        ({"max_shapes": (1, 3, 8, 8)}, "a list with a shape for each input"),
        ({"min_shapes": [(4, 3, 12, 12)]}, "at least the one before"),
        ({"input_names": ["a", "b"]}, "there are 1 inputs"),
        ({"input_names": ["y"], "output_names": ["y"]}, "in input_names and in output_names"),
    ],
    ids=str,
)
def test_shapes_and_names_that_do_not_fit_are_refused(shapes: dict[str, object], sentence: str) -> None:
    """Before anything is exported."""
    with pytest.raises(SettingsError, match=sentence):
        torch2trt(net(), [images(2)], **shapes, **ON_CPU)


def test_types_that_no_engine_takes_are_refused() -> None:
    """Double precision, before anything is exported."""
    with pytest.raises(UnsupportedPrecisionError, match="float64; bindings can be"):
        torch2trt(net().double(), [images(2).double()], **ON_CPU)


def test_the_module_is_left_as_it_was() -> None:
    """Its mode, weights and types; only the copy is changed."""
    model = Pictures().half()

    with pytest.warns(UserWarning, match="in training mode"):
        torch2trt(model, [images(2).half()], **ON_CPU)

    assert model.training
    assert next(model.parameters()).dtype is torch.float16
