"""The batch axis of an engine's inputs: how many samples they hold, other numbers of them, and parts of them.

Opens without torch: arrays of any library that have `shape` and take a slice will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.artifacts import BATCH
from lightning_trt.errors import InputMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lightning_trt.artifacts import Boundary, TensorSpec
    from lightning_trt.runtime.arrays import ArrayT

__all__ = ["batch_of", "is_batched", "parts_of", "sized"]


def is_batched(spec: TensorSpec) -> bool:
    """Whether the tensor's first axis is the batch.

    Example:
        >>> from lightning_trt.artifacts import TensorSpec
        >>> from lightning_trt.runtime.batch import is_batched
        >>> is_batched(TensorSpec(name="x", dtype="float32", shape=("batch", 3)))
        True
    """
    return spec.shape[:1] == (BATCH,)


def batch_of(boundary: Boundary, inputs: tuple[ArrayT, ...]) -> int | None:
    """Number of samples in `inputs`; None where no input has a batch axis.

    Raises:
        InputMismatchError: The inputs are not those of the boundary.
    """
    if len(inputs) != len(boundary.inputs):
        raise InputMismatchError(
            f"{len(inputs)} inputs for the boundary {boundary.folder!r}, which takes {len(boundary.inputs)}: "
            f"{', '.join(spec.name for spec in boundary.inputs)}. Give one tensor for each, in this order."
        )
    sizes = [array.shape[0] for spec, array in zip(boundary.inputs, inputs, strict=True) if is_batched(spec)]
    return min(sizes) if sizes else None


def sized(boundary: Boundary, inputs: tuple[ArrayT, ...], batch: int) -> tuple[ArrayT, ...]:
    """`inputs` with `batch` samples: the first ones, repeated from the start where there are too few."""
    return tuple(
        array[[row % array.shape[0] for row in range(batch)]] if is_batched(spec) else array
        for spec, array in zip(boundary.inputs, inputs, strict=True)
    )


def parts_of(
    boundary: Boundary, inputs: Mapping[str, ArrayT], *, largest: int | None
) -> Iterator[Mapping[str, ArrayT]]:
    """`inputs` by name, in parts of at most `largest` samples; the last part has what remains.

    Whole where no input has a batch axis, and where `largest` is None.
    """
    batched = {spec.name for spec in boundary.inputs if is_batched(spec)}
    total = max((inputs[name].shape[0] for name in batched), default=0)
    if largest is None or total <= largest:
        yield inputs
        return
    for start in range(0, total, largest):
        yield {name: array[start : start + largest] if name in batched else array for name, array in inputs.items()}
