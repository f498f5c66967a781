"""How tensors nest in the arguments and results of a call: nest <-> flat tensors, structure <-> JSON.

Knows no array library: the caller says what a leaf is. Opens without torch.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from lightning_trt.artifacts import Structure
from lightning_trt.errors import ManifestError, NotATensorFunctionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["flatten", "from_json", "to_json", "unflatten"]


def flatten(nest: object, *, is_leaf: Callable[[object], bool]) -> tuple[Structure, tuple[Any, ...]]:
    """Structure of `nest`, and its leaves in the order of the structure's indices.

    Tuples, lists, mappings, namedtuples and dataclasses may nest; None, booleans, numbers and strings are constants
    of the structure. A mapping that is a dataclass too (a `ModelOutput` of transformers) keeps its class.

    Raises:
        NotATensorFunctionError: Something else stands in the nest; the sentence names its place and type.

    Example:
        >>> from lightning_trt.runtime.structure import flatten
        >>> structure, leaves = flatten({"image": [1.5], "size": 3}, is_leaf=lambda value: isinstance(value, float))
        >>> leaves
        (1.5,)
        >>> structure.keys, structure.items[1].value
        (('image', 'size'), 3)
    """
    leaves: list[object] = []
    structure = _structure_of(nest, is_leaf=is_leaf, leaves=leaves, place="")
    return structure, tuple(leaves)


def unflatten(structure: Structure, leaves: Sequence[object]) -> object:
    """The nest of `structure` with `leaves` in it: the inverse of `flatten`.

    A namedtuple whose class cannot be imported here comes back as a namedtuple with the same fields.

    Raises:
        ManifestError: The class of a dataclass cannot be imported here, or is no dataclass with these fields.

    Example:
        >>> from lightning_trt.runtime.structure import flatten, unflatten
        >>> structure, leaves = flatten((1.5, [2.5]), is_leaf=lambda value: isinstance(value, float))
        >>> unflatten(structure, leaves)
        (1.5, [2.5])
    """
    if structure.kind == "tensor":
        return leaves[structure.index or 0]
    if structure.kind == "constant":
        return structure.value
    values = [unflatten(item, leaves) for item in structure.items]
    if structure.kind in {"tuple", "list"}:
        return tuple(values) if structure.kind == "tuple" else values
    if structure.kind == "dict":
        return dict(zip(structure.keys, values, strict=True))
    named = {str(key): value for key, value in zip(structure.keys, values, strict=True)}
    kind = _namedtuple_class(structure) if structure.kind == "namedtuple" else _dataclass_class(structure)
    return kind(**named)


def to_json(structure: Structure) -> dict[str, object]:
    """The structure as JSON values, without the fields that say nothing.

    Example:
        >>> from lightning_trt.artifacts import Structure
        >>> from lightning_trt.runtime.structure import to_json
        >>> to_json(Structure(kind="tuple", items=(Structure(kind="tensor", index=0),)))
        {'kind': 'tuple', 'items': [{'kind': 'tensor', 'index': 0}]}
    """
    told: dict[str, object] = {"kind": structure.kind}
    if structure.index is not None:
        told["index"] = structure.index
    if structure.kind == "constant":
        told["value"] = structure.value
    if structure.keys:
        told["keys"] = list(structure.keys)
    if structure.items:
        told["items"] = [to_json(item) for item in structure.items]
    if structure.type is not None:
        told["type"] = structure.type
    return told


def from_json(told: Mapping[str, Any]) -> Structure:
    """The structure that `to_json` wrote.

    Raises:
        ValueError: It is of no such form.

    Example:
        >>> from lightning_trt.runtime.structure import from_json
        >>> from_json({"kind": "tuple", "items": [{"kind": "tensor", "index": 0}]}).items[0].index
        0
    """
    structure = Structure(
        kind=told["kind"],
        index=told.get("index"),
        value=told.get("value"),
        keys=tuple(told.get("keys", ())),
        items=tuple(from_json(item) for item in told.get("items", ())),
        type=told.get("type"),
    )
    if not _is_sound(structure):
        raise ValueError(f"{structure.kind!r} is no way to nest tensors, or lacks what it needs")
    return structure


def _is_sound(structure: Structure) -> bool:
    """Whether it is what `Structure` says of its kind; a file may hold anything."""
    if structure.kind == "tensor":
        return type(structure.index) is int and structure.index >= 0
    if structure.kind in {"constant", "tuple", "list"}:
        return isinstance(structure.value, str | bool | int | float | None)
    if structure.kind not in {"dict", "namedtuple", "dataclass"} or len(structure.keys) != len(structure.items):
        return False
    if structure.kind == "dict":
        return all(isinstance(key, str | int) for key in structure.keys)
    names = [key for key in structure.keys if isinstance(key, str) and key.isidentifier() and not iskeyword(key)]
    return len(set(names)) == len(structure.keys) and isinstance(structure.type, str)


def _structure_of(nest: object, *, is_leaf: Callable[[object], bool], leaves: list[object], place: str) -> Structure:
    if is_leaf(nest):
        leaves.append(nest)
        return Structure(kind="tensor", index=len(leaves) - 1)
    if nest is None or isinstance(nest, bool | int | float | str):
        return Structure(kind="constant", value=nest)
    kind, keys, values = _taken_apart(nest, place)
    return Structure(
        kind=kind,
        keys=keys if kind not in {"tuple", "list"} else (),
        items=tuple(
            _structure_of(value, is_leaf=is_leaf, leaves=leaves, place=f"{place}[{key!r}]")
            for key, value in zip(keys, values, strict=True)
        ),
        type=_import_path(nest, place) if kind in {"namedtuple", "dataclass"} else None,
    )


def _taken_apart(nest: object, place: str) -> tuple[str, tuple[str | int, ...], tuple[object, ...]]:
    if isinstance(nest, Mapping):
        _check_keys(nest, place)
        return ("dataclass" if is_dataclass(nest) else "dict"), tuple(nest), tuple(nest.values())
    if isinstance(nest, tuple) and hasattr(nest, "_fields"):
        return "namedtuple", tuple(nest._fields), tuple(nest)
    if isinstance(nest, tuple | list):
        return ("tuple" if isinstance(nest, tuple) else "list"), tuple(range(len(nest))), tuple(nest)
    if is_dataclass(nest) and not isinstance(nest, type):
        names = tuple(field.name for field in fields(nest) if field.init)
        return "dataclass", names, tuple(getattr(nest, name) for name in names)
    raise NotATensorFunctionError(
        f"A {_full_name(type(nest))} stands at {place or 'the top'} of the call's arguments or results; expected "
        "tensors, and tuples, lists, dicts, namedtuples and dataclasses of them, with plain numbers and strings among "
        "them. Choose an inner module with boundary=..., or move what makes it out of the module."
    )


def _check_keys(nest: Mapping[Any, object], place: str) -> None:
    for key in nest:
        if not isinstance(key, str | int):
            raise NotATensorFunctionError(
                f"The dict at {place or 'the top'} has the key {key!r} of type {_full_name(type(key))}; expected "
                "strings or whole numbers. Use such keys, or choose an inner module with boundary=...."
            )


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _import_path(nest: object, place: str) -> str:
    kind = type(nest)
    if "<locals>" in kind.__qualname__ and not isinstance(nest, tuple):
        raise NotATensorFunctionError(
            f"The {_full_name(kind)} at {place or 'the top'} is made inside a function; expected a class that an "
            "engine can import again. Define it at the top of its module."
        )
    return f"{kind.__module__}:{kind.__qualname__}"


@lru_cache(maxsize=256)
def _imported(path: str) -> object:
    # Remembered, because every call of an engine whose results are of a class asks for it.
    module_name, _, names = path.partition(":")
    try:
        found: object = import_module(module_name)
        for name in names.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError, ValueError):
        return None
    return found


def _namedtuple_class(structure: Structure) -> Callable[..., object]:
    path = structure.type or ""
    kind = _imported(path)
    names = [str(key) for key in structure.keys]
    # A manifest is a file that anybody can edit: only a namedtuple with these fields may be called.
    if isinstance(kind, type) and issubclass(kind, tuple) and list(getattr(kind, "_fields", ())) == names:
        return kind
    return _namedtuple_with(path.rpartition(".")[2].rpartition(":")[2], names)


def _namedtuple_with(name: str, names: Iterable[str]) -> Callable[..., object]:
    return namedtuple(name if name.isidentifier() else "Outputs", names)  # noqa: PYI024 - fields are known at run time


def _dataclass_class(structure: Structure) -> Callable[..., object]:
    kind = _imported(structure.type or "")
    if isinstance(kind, type) and is_dataclass(kind):
        known = {field.name for field in fields(kind)}
        if known.issuperset(str(key) for key in structure.keys):
            return kind
    raise ManifestError(
        f"{structure.type} cannot be imported here as a dataclass with the fields {', '.join(map(str, structure.keys))}"
        "; the engine's results are of this class. Install the package that defines it, in the version used for export."
    )
