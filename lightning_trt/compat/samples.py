"""Samples to calibrate with: of the input data, or of a dataset, checked one by one and never held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lightning_trt.batches.nests import tensors_of
from lightning_trt.compat.calls import arguments_of, check_any, items_of
from lightning_trt.errors import DataError, InputMismatchError
from lightning_trt.runtime.batch import is_batched
from lightning_trt.runtime.matching import leaves_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_trt.artifacts import Boundary, TensorSpec
    from lightning_trt.compat.calls import Samples

__all__ = ["Sample", "Slices", "pulled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Tensors of one sample in the boundary's order, each with a batch axis of one."""

    index: int
    inputs: tuple[Tensor, ...]
    boundary: str = ""


class Slices:
    """The rows of the input data as a dataset; all of it is one sample where the engine's batch cannot change.

    Example:
        >>> import torch
        >>> from lightning_trt.artifacts import TensorSpec
        >>> from lightning_trt.compat.samples import Slices
        >>> slices = Slices((torch.zeros(64, 3),), (TensorSpec(name="x", dtype="float32", shape=("batch", 3)),))
        >>> len(slices), slices[5][0].shape
        (64, torch.Size([1, 3]))
    """

    def __init__(self, tensors: tuple[Tensor, ...], specs: tuple[TensorSpec, ...]) -> None:
        self._tensors = tensors
        self._is_batched = tuple(map(is_batched, specs))

    def __len__(self) -> int:
        rows = [len(tensor) for tensor, has_rows in zip(self._tensors, self._is_batched, strict=True) if has_rows]
        return rows[0] if rows else 1

    def __getitem__(self, index: int) -> list[Tensor]:
        pairs = zip(self._tensors, self._is_batched, strict=True)
        return [tensor[index : index + 1] if has_rows else tensor for tensor, has_rows in pairs]


def pulled(samples: Samples, boundary: Boundary, *, batch_size: int) -> Iterator[list[Sample]]:
    """Batches of the samples in their order, each read when it is asked for; the last one may be smaller.

    Raises:
        NoSamplesError: There are none.
        DataError: A sample cannot be read, or is not like the inputs; the sentence names it.
    """
    check_any(samples)
    for start in range(0, len(samples), batch_size):
        indices = range(start, min(start + batch_size, len(samples)))
        items = items_of(samples, indices)
        yield [
            Sample(index=index, inputs=_tensors(item, boundary, index))
            for index, item in zip(indices, items, strict=True)
        ]


def _tensors(item: object, boundary: Boundary, index: int) -> tuple[Tensor, ...]:
    """The tensors of a sample, in the boundary's order."""
    _check_number(item, boundary, index)
    if isinstance(item, (list, tuple)) and all(map(torch.is_tensor, item)):
        found: tuple[Tensor, ...] = tuple(item)
    else:
        try:
            found = leaves_of(*arguments_of(item), boundary.input_structure, is_leaf=torch.is_tensor)
        except InputMismatchError as error:
            raise DataError(f"sample {index} of the dataset does not nest as the inputs do: {error}") from error
    for spec, tensor in zip(boundary.inputs, found, strict=True):
        _check_tensor(spec, tensor, index)
    return found


def _check_number(item: object, boundary: Boundary, index: int) -> None:
    wanted = len(boundary.inputs)
    given = sum(1 for _ in tensors_of(item))
    if isinstance(item, (list, tuple)) and len(item) == wanted + 1 and given >= wanted:
        raise DataError(
            f"sample {index} of the dataset has {len(item)} parts, and the module takes {wanted}: the last one looks "
            "like a label. Return only the inputs, as a list: `image, _ = self.dataset[index]; return [image[None]]`."
        )
    if given != wanted:
        raise DataError(
            f"sample {index} of the dataset has {given} tensors, and the module takes {wanted}. Return the inputs of "
            "one call, as a list, each with a batch axis of one."
        )


def _check_tensor(spec: TensorSpec, tensor: Tensor, index: int) -> None:
    wanted = tuple(1 if axis == 0 and is_batched(spec) else size for axis, size in enumerate(spec.shape))
    if tensor.is_floating_point() != getattr(torch, spec.dtype).is_floating_point:
        raise DataError(
            f"sample {index} of the dataset is {str(tensor.dtype).removeprefix('torch.')} for {spec.name}, which takes "
            f"{spec.dtype}. Return it as the module takes it."
        )
    is_alike = len(wanted) == tensor.ndim and all(
        isinstance(size, str) or size == has for size, has in zip(wanted, tensor.shape, strict=True)
    )
    if not is_alike:
        lacks_batch = tuple(tensor.shape) == wanted[1:]
        advice = "Add the batch axis: `image[None]`." if lacks_batch else "Return it in the shape of the inputs."
        raise DataError(
            f"sample {index} of the dataset has the shape {tuple(tensor.shape)} for {spec.name}; expected "
            f"({', '.join(map(str, wanted))}), with a batch axis of one. {advice}"
        )
