"""What an engine was given, against what its boundary takes: the nest's structure, names, types and shapes.

Opens without torch: arrays of any library that have `dtype` and `shape` will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightning_trt.errors import InputMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lightning_trt.artifacts import Boundary, Structure, TensorSpec
    from lightning_trt.runtime.arrays import Array

__all__ = ["check_inputs", "dtype_of", "leaves_of", "num_plain"]

_ABSENT = object()


def dtype_of(array: Array) -> str:
    """Name of the array's data type as boundaries spell it, whatever its library.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.runtime.matching import dtype_of
        >>> dtype_of(np.zeros(2, np.float32))
        'float32'
    """
    return str(array.dtype).removeprefix("torch.")


def leaves_of(
    args: tuple[object, ...], kwargs: Mapping[str, object], structure: Structure, *, is_leaf: Callable[[object], bool]
) -> tuple[Any, ...]:
    """The tensors of a call, in the order of the indices in `structure`, the boundary's `input_structure`.

    The order of a dict's keys does not matter, nor whether a sequence is a list or a tuple.

    Raises:
        InputMismatchError: The call nests otherwise; the sentence names the place.

    Example:
        >>> from lightning_trt.artifacts import Structure
        >>> from lightning_trt.runtime.matching import leaves_of
        >>> args = Structure(kind="tuple", items=(Structure(kind="tensor", index=0),))
        >>> call = Structure(kind="tuple", items=(args, Structure(kind="dict")))
        >>> leaves_of((1.5,), {}, call, is_leaf=lambda value: isinstance(value, float))
        (1.5,)
    """
    positional, named = structure.items
    found = dict(_found(args, positional, is_leaf=is_leaf, place=("args",)))
    found |= _found(kwargs, named, is_leaf=is_leaf, place=("kwargs",))
    return tuple([found[index] for index in range(len(found))])


def num_plain(structure: Structure) -> int | None:
    """Number of the call's tensors, where they are its positional arguments and all that it takes; else None.

    Example:
        >>> from lightning_trt.artifacts import Structure
        >>> from lightning_trt.runtime.matching import num_plain
        >>> args = Structure(kind="tuple", items=(Structure(kind="tensor", index=0),))
        >>> num_plain(Structure(kind="tuple", items=(args, Structure(kind="dict"))))
        1
    """
    positional, named = structure.items
    in_order = [item.index for item in positional.items] == [*range(len(positional.items))]
    return len(positional.items) if in_order and not named.items else None


def check_inputs(boundary: Boundary, inputs: Mapping[str, Array]) -> None:
    """Raise `InputMismatchError` unless `inputs` have the names, types and shapes of the boundary's."""
    names = [spec.name for spec in boundary.inputs]
    if set(names) != set(inputs):
        raise InputMismatchError(
            f"the engine of {boundary.folder!r} takes the inputs {', '.join(names)}; it was given "
            f"{', '.join(inputs) or 'none'}. Give each of them once, by its name."
        )
    known: dict[str, tuple[int, str]] = {}
    for spec in boundary.inputs:
        _check_type(spec, inputs[spec.name])
        for axis, size in _named_sizes(spec, inputs[spec.name].shape).items():
            first, owner = known.setdefault(axis, (size, spec.name))
            if first != size:
                why = f"axis {axis!r} must be {first} as that of {owner!r}"
                raise _wrong_shape(spec, inputs[spec.name].shape, why)


def _found(
    nest: object, structure: Structure, *, is_leaf: Callable[[object], bool], place: tuple[object, ...]
) -> Iterator[tuple[int, object]]:
    """Index and tensor of each leaf below `place`."""
    if structure.kind == "tensor":
        if not is_leaf(nest):
            raise _mismatch(place, "a tensor", nest)
        yield structure.index or 0, nest
    elif structure.kind == "constant":
        if not isinstance(nest, bool | int | float | str | None) or nest != structure.value:
            raise _mismatch(place, f"{structure.value!r}, which is part of the engine,", nest)
    else:
        values = _members(nest, structure)
        if values is None:
            raise _mismatch(place, _spoken(structure), nest)
        for key, value, item in zip(structure.keys or range(len(values)), values, structure.items, strict=True):
            yield from _found(value, item, is_leaf=is_leaf, place=(*place, key))


def _members(nest: object, structure: Structure) -> Sequence[object] | None:
    """The members of a nest of the structure's kind, in the order of its items; None where it is of another kind."""
    keys = structure.keys
    if structure.kind in {"tuple", "list"}:
        return nest if isinstance(nest, tuple | list) and len(nest) == len(structure.items) else None
    if isinstance(nest, Mapping):
        return [nest[key] for key in keys] if len(keys) == len(nest) and all(key in nest for key in keys) else None
    if structure.kind == "dict":
        return None
    values = [getattr(nest, str(key), _ABSENT) for key in keys]
    return None if any(value is _ABSENT for value in values) else values


def _spoken(structure: Structure) -> str:
    if structure.kind in {"tuple", "list"}:
        return f"a {structure.kind} of {len(structure.items)}"
    kind = (structure.type or structure.kind).rpartition(":")[2]
    return f"a {kind} of {', '.join(map(repr, structure.keys)) or 'nothing'}"


def _mismatch(place: tuple[object, ...], expected: str, nest: object) -> InputMismatchError:
    if isinstance(nest, Mapping):
        given = f"a dict of {', '.join(map(repr, nest)) or 'nothing'}"
    elif isinstance(nest, tuple | list):
        given = f"a {type(nest).__name__} of {len(nest)}"
    elif nest is None or isinstance(nest, bool | int | float | str):
        given = repr(nest)
    else:
        given = f"a {type(nest).__name__}"
    root, *keys = place
    spoken = f"{root}{''.join(f'[{key!r}]' for key in keys)}"
    return InputMismatchError(
        f"the engine was called with {given} at {spoken}; expected {expected} as when it was exported. Call it in the "
        "same way, or export again with a call like this one in validation_step."
    )


def _check_type(spec: TensorSpec, array: Array) -> None:
    if dtype_of(array) != spec.dtype:
        raise InputMismatchError(
            f"input {spec.name!r} has type {dtype_of(array)}; the engine takes {spec.dtype}. Convert it first."
        )


def _named_sizes(spec: TensorSpec, shape: tuple[int, ...]) -> dict[str, int]:
    """Size of each dynamic axis by its name, after the other axes were checked."""
    if len(shape) != len(spec.shape):
        raise _wrong_shape(spec, shape, f"{len(spec.shape)} axes are expected")
    for axis, (size, wanted) in enumerate(zip(shape, spec.shape, strict=True)):
        if isinstance(wanted, int) and size != wanted:
            raise _wrong_shape(spec, shape, f"axis {axis} must be {wanted}")
    return {name: shape[axis] for axis, name in spec.dynamic_axes.items()}


def _wrong_shape(spec: TensorSpec, shape: tuple[int, ...], why: str) -> InputMismatchError:
    wanted = ", ".join(map(str, spec.shape))
    return InputMismatchError(
        f"input {spec.name!r} has shape {tuple(shape)}; the engine takes ({wanted}): {why}. Change the input, or "
        "export again with validation data in which this axis varies."
    )
