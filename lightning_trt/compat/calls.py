"""From `inputs` to a call of the module: its arguments, its tensors, and what a dataset says of their shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch

from lightning_trt.errors import DataError, NoSamplesError
from lightning_trt.runtime.structure import flatten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from lightning_trt.artifacts import Structure

    Shapes = tuple[tuple[int, ...], ...]

__all__ = ["Call", "Samples", "arguments_of", "as_samples", "call_of", "check_any", "item_of", "items_of", "shapes_in"]


class Samples(Protocol):
    """A dataset: how many samples it has, and each of them by its index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...  # noqa: ANN401 - a sample nests as the inputs do


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Arguments of one call of the module: their tensors in order, and how they nest in `(args, kwargs)`."""

    tensors: tuple[Tensor, ...]
    structure: Structure

    @property
    def shapes(self) -> Shapes:
        """Shape of each tensor."""
        return tuple(tuple(tensor.shape) for tensor in self.tensors)


def as_samples(inputs: object) -> Samples | None:
    """`inputs` as a dataset; None where they are the arguments of one call.

    Example:
        >>> from lightning_trt.compat.calls import as_samples
        >>> as_samples([1.0]) is None, as_samples(range(3)) is None
        (True, False)
    """
    is_call = isinstance(inputs, (torch.Tensor, list, tuple, Mapping))
    is_dataset = not is_call and hasattr(inputs, "__len__") and hasattr(inputs, "__getitem__")
    return cast("Samples", inputs) if is_dataset else None


def call_of(nest: object) -> Call:
    """The call that `nest` stands for: a dict is keywords, a list or tuple positional, a tensor one argument.

    Raises:
        NotATensorFunctionError: Something in it is neither a tensor, nor a nest of them, nor a plain constant.
        DataError: There is no tensor in it.

    Example:
        >>> import torch
        >>> from lightning_trt.compat.calls import call_of
        >>> call_of({"x": torch.zeros(2, 3)}).shapes
        ((2, 3),)
    """
    structure, tensors = flatten(arguments_of(nest), is_leaf=torch.is_tensor)
    if not tensors:
        raise DataError(
            f"the inputs hold no tensor: {nest!r:.80}. Give the arguments of one call of the module, e.g. [images]."
        )
    return Call(tensors=tensors, structure=structure)


def arguments_of(nest: object) -> tuple[tuple[object, ...], dict[str, object]]:
    """Positional and named arguments: those of a list or tuple, those of a dict, or one."""
    if isinstance(nest, Mapping):
        return (), dict(nest)
    return (tuple(nest) if isinstance(nest, (list, tuple)) else (nest,)), {}


def item_of(samples: Samples, index: int) -> object:
    """Sample `index`.

    Raises:
        DataError: The dataset failed at it.
    """
    try:
        return samples[index]
    except Exception as error:  # the user's code may raise anything
        raise DataError(
            f"sample {index} of the dataset cannot be read: {type(error).__name__}: {error}. Look at "
            f"dataset[{index}]; mend or remove it."
        ) from error


def items_of(samples: Samples, indices: Sequence[int]) -> Iterable[object]:
    """Samples `indices`: at once where the dataset has `__getitems__`, as DataLoaders ask for a batch; else one by one.

    Raises:
        DataError: The dataset failed.
    """
    at_once = getattr(samples, "__getitems__", None)
    if at_once is None:
        return (item_of(samples, index) for index in indices)
    try:
        return list(at_once(list(indices)))
    except Exception as error:  # the user's code may raise anything
        raise DataError(
            f"samples {indices[0]} to {indices[-1]} of the dataset cannot be read: {type(error).__name__}: {error}. "
            "Look at its __getitems__."
        ) from error


def shapes_in(samples: Samples) -> Counter[Shapes]:
    """How many samples have which shapes of their tensors; each sample is read once, and none is kept.

    Raises:
        NoSamplesError: The dataset is empty.
        DataError: A sample cannot be read.
    """
    check_any(samples)
    return Counter(call_of(item_of(samples, index)).shapes for index in range(len(samples)))


def check_any(samples: Samples) -> None:
    """Raise `NoSamplesError` where there are none."""
    if not len(samples):
        raise NoSamplesError(
            "the dataset has length 0: there is nothing to calibrate with, or to take shapes from. Check what it was "
            "made of."
        )
