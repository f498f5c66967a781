"""Nests of tensors come apart and together again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from lightning_trt.artifacts import Structure
from lightning_trt.errors import ManifestError, NotATensorFunctionError
from lightning_trt.runtime.structure import flatten, from_json, to_json, unflatten


class Box(NamedTuple):
    """A result as a namedtuple."""

    corner: Any
    size: Any


@dataclass
class Output:
    """A result as a dataclass."""

    logits: Any
    hidden: Any = None


@dataclass
class ModelOutput(OrderedDict):  # type: ignore[type-arg]
    """A mapping and a dataclass at once, as transformers makes them: only fields that are set are keys."""

    logits: Any = None
    loss: Any = None

    def __post_init__(self) -> None:
        if self.logits is not None:
            self["logits"] = self.logits


def is_array(value: object) -> bool:
    """Whether a value is a leaf in these tests."""
    return isinstance(value, np.ndarray)


def arrays(count: int) -> list[np.ndarray]:
    """Arrays that can be told apart."""
    return [np.full(2, index) for index in range(count)]


A, B, C = arrays(3)

NESTS = {
    "one tensor": A,
    "args and kwargs": ((A, B), {"mask": C}),
    "constants": ((A, 3, None, True, "mean", 0.5), {}),
    "list in dict": {"features": [A, B], "top": C},
    "whole-number keys": {0: A, 1: B},
    "namedtuple": Box(corner=A, size=B),
    "dataclass": Output(logits=A),
    "empty": ((), {}),
}


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS.keys())
def test_a_nest_comes_back_from_its_structure_and_leaves(nest: object) -> None:
    """What flatten takes apart, unflatten puts together, with the same classes and the same tensors."""
    structure, leaves = flatten(nest, is_leaf=is_array)

    rebuilt = unflatten(structure, leaves)

    assert type(rebuilt) is type(nest)
    assert repr(rebuilt) == repr(nest)


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS.keys())
def test_a_structure_survives_json(nest: object) -> None:
    """A manifest holds the structure without loss."""
    structure, _ = flatten(nest, is_leaf=is_array)

    told = json.dumps(to_json(structure))

    assert from_json(json.loads(told)) == structure


def test_leaves_are_in_the_order_of_their_indices() -> None:
    """The flat tuple is what the engine's inputs are numbered by."""
    structure, leaves = flatten(({"b": B, "a": A}, C), is_leaf=is_array)

    assert [leaf[0] for leaf in leaves] == [1, 0, 2]
    assert [item.index for item in structure.items[0].items] == [0, 1]


def test_a_mapping_that_is_a_dataclass_keeps_its_class() -> None:
    """Attribute access to a transformers output must work on the engine's output too."""
    structure, leaves = flatten(ModelOutput(logits=A), is_leaf=is_array)

    rebuilt = unflatten(structure, leaves)

    assert isinstance(rebuilt, ModelOutput)
    assert rebuilt.logits is A


def test_a_namedtuple_made_in_a_function_comes_back_with_its_fields() -> None:
    """Its class cannot be imported, but its attributes are what a caller uses."""
    local = namedtuple("local", ["x", "y"])  # noqa: PYI024 - made at run time on purpose
    structure, leaves = flatten(local(A, B), is_leaf=is_array)

    rebuilt = unflatten(from_json(to_json(structure)), leaves)

    assert rebuilt.y is B  # type: ignore[attr-defined]


def test_an_unknown_object_is_named_with_its_place() -> None:
    """A distribution object among the outputs cannot become an engine's output."""
    with pytest.raises(NotATensorFunctionError, match=r"A builtins\.set stands at \['boxes'\]\[1\].*boundary"):
        flatten({"boxes": [A, {1}]}, is_leaf=is_array)


def test_keys_that_json_cannot_hold_are_refused() -> None:
    """A dict keyed by tuples has no form in a manifest."""
    with pytest.raises(NotATensorFunctionError, match=r"key \(0, 1\) of type builtins\.tuple"):
        flatten({(0, 1): A}, is_leaf=is_array)


@pytest.mark.parametrize("path", ["os:system", "nowhere.to.be.found:Output", "subprocess:Popen", ""])
def test_a_manifest_cannot_make_us_call_what_is_no_dataclass(path: str) -> None:
    """The class named in a file is checked before it is called."""
    structure = Structure(kind="dataclass", keys=("logits",), items=(Structure(kind="tensor", index=0),), type=path)

    with pytest.raises(ManifestError, match="cannot be imported here as a dataclass"):
        unflatten(structure, [A])


def test_structures_open_without_torch() -> None:
    """A deployment that has only the engine's runtime reads manifests too."""
    code = "import sys; sys.modules['torch'] = None; import lightning_trt.runtime.structure"

    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
