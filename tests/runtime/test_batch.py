"""Batches of another size."""

from __future__ import annotations

import pytest
import torch

from lightning_trt.artifacts import Boundary, Structure, TensorSpec
from lightning_trt.errors import InputMismatchError
from lightning_trt.runtime.batch import batch_of, sized


def boundary(*shapes: tuple[int | str, ...]) -> Boundary:
    """A boundary whose inputs have these shapes."""
    specs = tuple(TensorSpec(name=f"x{at}", dtype="float32", shape=shape) for at, shape in enumerate(shapes))
    nothing = Structure(kind="tuple")
    return Boundary(name="", inputs=specs, outputs=(), input_structure=nothing, output_structure=nothing)


@pytest.mark.parametrize(("batch", "rows"), [(1, [0]), (3, [0, 1, 2]), (5, [0, 1, 2, 0, 1])], ids=["1", "3", "5"])
def test_samples_are_repeated_from_the_start(batch: int, rows: list[int]) -> None:
    """Or the first ones are taken."""
    (made,) = sized(boundary(("batch", 1)), (torch.arange(3)[:, None],), batch)

    assert made[:, 0].tolist() == rows


def test_inputs_without_a_batch_axis_stay() -> None:
    """A table that the module is given with each batch has no samples."""
    table = torch.arange(2)

    _, made = sized(boundary(("batch", 1), (2,)), (torch.zeros(3, 1), table), 7)

    assert made is table


def test_the_batch_is_the_number_of_samples() -> None:
    """None where nothing has a batch axis."""
    assert batch_of(boundary(("batch", 1), (2,)), (torch.zeros(3, 1), torch.zeros(2))) == 3
    assert batch_of(boundary((2,)), (torch.zeros(2),)) is None


def test_another_number_of_inputs_is_refused() -> None:
    """The sentence names those that are taken."""
    with pytest.raises(InputMismatchError, match="1 inputs for the boundary 'self', which takes 2: x0, x1"):
        batch_of(boundary(("batch",), ("batch",)), (torch.zeros(3),))
