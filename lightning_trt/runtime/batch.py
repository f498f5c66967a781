"""The batch axis of flat inputs: how many samples they hold, and other numbers of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lightning_trt.artifacts import BATCH
from lightning_trt.errors import InputMismatchError

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_trt.artifacts import Boundary, TensorSpec

__all__ = ["batch_of", "is_batched", "sized"]


def is_batched(spec: TensorSpec) -> bool:
    """Whether the tensor's first axis is the batch.

    Example:
        >>> from lightning_trt.artifacts import TensorSpec
        >>> from lightning_trt.runtime.batch import is_batched
        >>> is_batched(TensorSpec(name="x", dtype="float32", shape=("batch", 3)))
        True
    """
    return spec.shape[:1] == (BATCH,)


def batch_of(boundary: Boundary, inputs: tuple[Tensor, ...]) -> int | None:
    """Number of samples in `inputs`; None where no input has a batch axis.

    Raises:
        InputMismatchError: The inputs are not those of the boundary.
    """
    if len(inputs) != len(boundary.inputs):
        raise InputMismatchError(
            f"{len(inputs)} inputs for the boundary {boundary.folder!r}, which takes {len(boundary.inputs)}: "
            f"{', '.join(spec.name for spec in boundary.inputs)}. Give one tensor for each, in this order."
        )
    sizes = [tensor.shape[0] for spec, tensor in zip(boundary.inputs, inputs, strict=True) if is_batched(spec)]
    return min(sizes) if sizes else None


def sized(boundary: Boundary, inputs: tuple[Tensor, ...], batch: int) -> tuple[Tensor, ...]:
    """`inputs` with `batch` samples: the first ones, repeated from the start where there are too few."""
    return tuple(
        tensor[torch.arange(batch, device=tensor.device) % tensor.shape[0]] if is_batched(spec) else tensor
        for spec, tensor in zip(boundary.inputs, inputs, strict=True)
    )
