"""Boundaries of modules, as one call of them shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lightning_trt.artifacts import BATCH, Boundary, TensorSpec
from lightning_trt.runtime.structure import flatten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

__all__ = ["boundary_of"]

NO_AXES: dict[int, str] = {}


def boundary_of(
    module: nn.Module, *args: object, axes: Mapping[int, str] = NO_AXES, **kwargs: object
) -> tuple[Boundary, tuple[Tensor, ...]]:
    """The boundary of one call, and its flat inputs."""
    input_structure, inputs = flatten((args, kwargs), is_leaf=torch.is_tensor)
    with torch.no_grad():
        output_structure, outputs = flatten(module(*args, **kwargs), is_leaf=torch.is_tensor)

    def spec(name: str, tensor: Tensor) -> TensorSpec:
        named = {0: BATCH, **axes}
        shape = tuple(named.get(axis, size) for axis, size in enumerate(tensor.shape))
        return TensorSpec(name=name, dtype=str(tensor.dtype).removeprefix("torch."), shape=shape)

    return Boundary(
        name="net",
        inputs=tuple(spec(f"input_{at}", tensor) for at, tensor in enumerate(inputs)),
        outputs=tuple(spec(f"output_{at}", tensor) for at, tensor in enumerate(outputs)),
        input_structure=input_structure,
        output_structure=output_structure,
    ), inputs
