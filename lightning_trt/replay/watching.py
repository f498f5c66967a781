"""Watching a boundary: what each of its calls got and gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lightning_trt.errors import NotATensorFunctionError
from lightning_trt.runtime.structure import flatten

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule

    from lightning_trt.artifacts import Structure

__all__ = ["Call", "watch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a boundary: tensors flat, as the structures count them; `inputs` as they were before the call."""

    boundary: str
    input_structure: Structure
    inputs: tuple[Tensor, ...]
    output_structure: Structure
    outputs: tuple[Tensor, ...]


def watch(module: LightningModule, boundary: str) -> list[Call]:
    """A list that every call of the submodule `boundary` of a copy is appended to.

    The call itself raises `NotATensorFunctionError` where arguments or results are not made of tensors.
    """
    calls: list[Call] = []
    part = module.get_submodule(boundary)
    forward = part.forward

    def watched(*args: Any, **kwargs: Any) -> Any:
        input_structure, inputs = _taken((args, kwargs), boundary, "takes")
        # Cloned before the call, which may write into them.
        inputs = tuple(tensor.detach().clone() for tensor in inputs)
        results = forward(*args, **kwargs)
        output_structure, outputs = _taken(results, boundary, "gives")
        calls.append(
            Call(
                boundary=boundary,
                input_structure=input_structure,
                inputs=inputs,
                output_structure=output_structure,
                outputs=outputs,
            )
        )
        return results

    part.forward = watched
    return calls


def _taken(nest: object, boundary: str, verb: str) -> tuple[Structure, tuple[Tensor, ...]]:
    try:
        return flatten(nest, is_leaf=torch.is_tensor)
    except NotATensorFunctionError as error:
        name = boundary or "forward"
        raise NotATensorFunctionError(f"The boundary {name!r} {verb} something else than tensors: {error}") from error
