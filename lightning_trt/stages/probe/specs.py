"""Names, types and shapes of the tensors at a boundary, from its calls."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from lightning_trt.artifacts import BATCH, Structure, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

__all__ = ["input_names", "output_names", "specs_of"]


def input_names(forward: Callable[..., Any], structure: Structure) -> tuple[str, ...]:
    """A name for each tensor of a call: that of its parameter, and the keys of the nest it stands in.

    Args:
        forward: The function called.
        structure: That of `(args, kwargs)`.

    Example:
        >>> from lightning_trt.runtime.structure import flatten
        >>> from lightning_trt.stages.probe.specs import input_names
        >>> structure, _ = flatten((([1.0], 2.0), {"mask": 3.0}), is_leaf=lambda value: isinstance(value, float))
        >>> input_names(lambda pair, x, mask: ..., structure)
        ('pair_0', 'x', 'mask')
    """
    args, kwargs = structure.items
    heads = [*_positional(forward, len(args.items)), *map(str, kwargs.keys)]
    return _distinct(_words(heads, (*args.items, *kwargs.items)), taken=())


def output_names(structure: Structure, *, taken: Sequence[str]) -> tuple[str, ...]:
    """A name for each tensor of the results: `output`, `output_0`, or the keys it stands under; none of `taken`.

    Example:
        >>> from lightning_trt.runtime.structure import flatten
        >>> from lightning_trt.stages.probe.specs import output_names
        >>> structure, _ = flatten({"x": 1.0, "boxes": [2.0, 3.0]}, is_leaf=lambda value: isinstance(value, float))
        >>> output_names(structure, taken=["x"])
        ('x_out', 'boxes_0', 'boxes_1')
    """
    if structure.kind in {"dict", "namedtuple", "dataclass"}:
        words = _words([str(key) for key in structure.keys], structure.items)
    else:
        words = _words(["output"], [structure])
    return _distinct(words, taken=taken)


def specs_of(
    names: Sequence[str], calls: Sequence[Sequence[Tensor]], *, num_items: Sequence[int]
) -> tuple[TensorSpec, ...]:
    """The tensors of the first call, with names for the axes whose size may change.

    An axis that was seen to change may change; so may the first axis, where it counts the dataset items of each call
    and these were always as many. Axes that were seen to change together have one name.

    Args:
        names: Of the tensors.
        calls: The tensors of each call.
        num_items: Dataset items in the batch of each call.
    """
    axes = _dynamic_axes(names, calls, num_items=tuple(num_items))
    return tuple(
        TensorSpec(
            name=name,
            dtype=str(tensor.dtype).removeprefix("torch."),
            shape=tuple(axes.get((name, axis), size) for axis, size in enumerate(tensor.shape)),
        )
        for name, tensor in zip(names, calls[0], strict=True)
    )


def _dynamic_axes(
    names: Sequence[str], calls: Sequence[Sequence[Tensor]], *, num_items: tuple[int, ...]
) -> dict[tuple[str, int], str]:
    """Name of each axis that may change, by tensor and axis."""
    sizes = {
        (name, axis): tuple(call[at].shape[axis] for call in calls)
        for at, name in enumerate(names)
        if len({call[at].ndim for call in calls}) == 1
        for axis in range(calls[0][at].ndim)
    }
    changing = {place: seen for place, seen in sizes.items() if len(set(seen)) > 1}
    if not any(axis == 0 for _, axis in changing):
        # Nothing tells the batch from another axis but its place and size.
        changing |= {place: seen for place, seen in sizes.items() if place[1] == 0 and seen[0] == num_items[0]}
    # A boundary that gets several rows an item (pairs, frames) counts them all; the batch is what there is least of.
    batch = min((seen for (_, axis), seen in changing.items() if axis == 0), default=None)
    named = {} if batch is None else {batch: BATCH}
    for (name, axis), seen in changing.items():
        named.setdefault(seen, f"{name}_axis_{axis}")
    return {place: named[seen] for place, seen in changing.items()}


def _positional(forward: Callable[..., Any], count: int) -> list[str]:
    """Names of the first `count` positional parameters; those that `*args` takes are numbered."""
    parameters = inspect.signature(forward).parameters.values()
    plain = [each.name for each in parameters if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
    rest = next((each.name for each in parameters if each.kind is each.VAR_POSITIONAL), "input")
    return [plain[at] if at < len(plain) else f"{rest}_{at - len(plain)}" for at in range(count)]


def _words(heads: Sequence[str], structures: Sequence[Structure]) -> list[str]:
    """One word for each tensor, in the order of their indices."""
    found = [each for head, structure in zip(heads, structures, strict=True) for each in _named(head, structure)]
    return [word for _, word in sorted(found, key=lambda each: each[0])]


def _named(head: str, structure: Structure) -> Iterator[tuple[int, str]]:
    if structure.kind == "tensor":
        yield structure.index or 0, head
    keys = structure.keys or range(len(structure.items))
    for key, item in zip(keys, structure.items, strict=True):
        yield from _named(f"{head}_{key}", item)


def _distinct(words: Sequence[str], *, taken: Sequence[str]) -> tuple[str, ...]:
    """The words as names that ONNX and Python take, each once and none of `taken`."""
    made: list[str] = []
    for word in words:
        name = re.sub(r"\W", "_", word)
        name = f"{name}_out" if name in taken else name
        made.append(name if name not in made else f"{name}_{len(made)}")
    return tuple(made)
