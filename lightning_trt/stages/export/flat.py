"""The boundary as a function of tensors alone, which is all that ONNX can hold."""

from __future__ import annotations

import inspect
import keyword
import re
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from lightning_trt.runtime.structure import flatten, unflatten

if TYPE_CHECKING:
    from lightning_trt.artifacts import Boundary

__all__ = ["FlatCall", "dynamic_axes"]


class FlatCall(nn.Module):
    """`module` called with a flat tuple of tensors, one parameter for each input of the boundary; a flat tuple back.

    The parameters are named like the inputs, so that torch names its placeholders like them.

    Example:
        `FlatCall(encoder, boundary)(ids, mask)` calls `encoder(ids, attention_mask=mask)` and gives its tensors.
    """

    def __init__(self, module: nn.Module, boundary: Boundary) -> None:
        super().__init__()
        self.module = module

        def forward(*tensors: Tensor) -> tuple[Tensor, ...]:
            called = cast("tuple[tuple[Any, ...], dict[str, Any]]", unflatten(boundary.input_structure, tensors))
            args, kwargs = called
            _, leaves = flatten(self.module(*args, **kwargs), is_leaf=torch.is_tensor)
            return _distinct(leaves, tensors)

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        names = _parameter_names([spec.name for spec in boundary.inputs])
        forward.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # type: ignore[attr-defined]  # documented by inspect
        self.forward = forward


def _distinct(tensors: tuple[Tensor, ...], others: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """`tensors`, with a copy where one stands among them twice or among `others`: ONNX names each output once."""
    seen = {id(tensor) for tensor in others}
    made: list[Tensor] = []
    for tensor in tensors:
        made.append(tensor.clone() if id(tensor) in seen else tensor)
        seen.add(id(tensor))
    return tuple(made)


def _parameter_names(names: list[str]) -> list[str]:
    """The names as Python takes them, each once."""
    made: list[str] = []
    for name in names:
        word = re.sub(r"\W", "_", name)
        word = f"{word}_" if keyword.iskeyword(word) or not word.isidentifier() else word
        word = word if word.isidentifier() else f"input_{len(made)}"
        made.append(word if word not in made else f"{word}_{len(made)}")
    return made


def dynamic_axes(boundary: Boundary) -> tuple[dict[int, str], ...]:
    """Axis -> name of the axes that may change, for each input."""
    return tuple(spec.dynamic_axes for spec in boundary.inputs)
