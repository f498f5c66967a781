"""Calls and inputs that are, and are not, those of the boundary."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from lightning_trt.artifacts import Boundary, Structure, TensorSpec
from lightning_trt.errors import InputMismatchError
from lightning_trt.runtime.matching import check_inputs, leaves_of
from lightning_trt.runtime.structure import flatten


class Box(NamedTuple):
    """An argument as a namedtuple."""

    corner: Any
    size: Any


@dataclass
class Item:
    """An argument as a dataclass."""

    left: Any
    right: Any


def is_array(value: object) -> bool:
    """Whether a value is a leaf in these tests."""
    return isinstance(value, np.ndarray)


A, B, C = (np.full(2, index) for index in range(3))


def matched(exported: tuple[object, ...], args: tuple[object, ...], **kwargs: object) -> list[int]:
    """Which of the arrays come back, in the order of the call that was exported with positional arguments."""
    structure, _ = flatten((exported, dict.fromkeys(kwargs, A)), is_leaf=is_array)
    return [int(leaf[0]) for leaf in leaves_of(args, kwargs, structure, is_leaf=is_array)]


@pytest.mark.parametrize(
    "args",
    [(A,), (A, [B, C]), ({"x": A, "y": (B,)},), (Box(corner=A, size=B),), (Item(left=A, right=B), 3, None, "mean")],
    ids=["tensor", "list", "dict", "namedtuple", "dataclass and constants"],
)
def test_the_exported_call_matches_itself(args: tuple[object, ...]) -> None:
    """Its tensors come back in their order."""
    leaves = matched(args, args)

    assert leaves == list(range(len(leaves)))


def test_the_order_of_keys_does_not_matter() -> None:
    """Tensors are told apart by their keys."""
    assert matched(({"x": A, "y": B},), (OrderedDict(y=B, x=A),)) == [0, 1]


def test_the_order_of_keywords_does_not_matter() -> None:
    """A call is the same call."""
    structure, _ = flatten(((), {"x": A, "y": B}), is_leaf=is_array)

    assert [leaf[0] for leaf in leaves_of((), {"y": B, "x": A}, structure, is_leaf=is_array)] == [0, 1]


def test_a_tuple_may_stand_for_a_list() -> None:
    """Collate functions change one into the other."""
    assert matched(([A, B],), ((A, B),)) == [0, 1]


MISMATCHES = {
    "too few": ((A, B), (A,), r"a tuple of 1 at args; expected a tuple of 2"),
    "a number for a tensor": ((A,), (1.5,), r"1\.5 at args\[0\]; expected a tensor"),
    "a tensor for a number": ((A, 2), (A, B), r"a ndarray at args\[1\]; expected 2, which is part of the engine"),
    "another number": ((A, 2), (A, 3), r"3 at args\[1\]; expected 2"),
    "another key": (({"x": A},), ({"z": A},), r"a dict of 'z' at args\[0\]; expected a dict of 'x'"),
    "one key more": (({"x": A},), ({"x": A, "y": B},), r"a dict of 'x', 'y' at args\[0\]"),
    "a tuple for a dict": (({"x": A},), ((A,),), r"a tuple of 1 at args\[0\]; expected a dict of 'x'"),
    "another class": ((Item(left=A, right=B),), (Box(corner=A, size=B),), r"expected a Item of 'left', 'right'"),
}


@pytest.mark.parametrize(("exported", "args", "sentence"), MISMATCHES.values(), ids=MISMATCHES.keys())
def test_another_call_is_refused(exported: tuple[object, ...], args: tuple[object, ...], sentence: str) -> None:
    """The sentence names the place, what stood there, and what was expected."""
    with pytest.raises(InputMismatchError, match=sentence):
        matched(exported, args)


def test_a_keyword_that_was_not_exported_is_refused() -> None:
    """An engine cannot take what the graph has not."""
    structure, _ = flatten(((A,), {}), is_leaf=is_array)

    with pytest.raises(InputMismatchError, match="a dict of 'mask' at kwargs; expected a dict of nothing"):
        leaves_of((A,), {"mask": B}, structure, is_leaf=is_array)


def boundary() -> Boundary:
    """Tokens and a mask of the same length."""
    nothing = Structure(kind="tuple")
    inputs = (
        TensorSpec(name="ids", dtype="int64", shape=("batch", "tokens")),
        TensorSpec(name="mask", dtype="bool", shape=("batch", "tokens", 1)),
    )
    return Boundary(name="", inputs=inputs, outputs=(), input_structure=nothing, output_structure=nothing)


def arrays(ids: tuple[int, ...], mask: tuple[int, ...], *, dtype: str = "int64") -> dict[str, Any]:
    """Inputs of these shapes."""
    return {"ids": np.zeros(ids, dtype), "mask": np.zeros(mask, bool)}


def test_inputs_of_the_boundary_pass() -> None:
    """Any size of the axes that may change, as long as they agree."""
    check_inputs(boundary(), arrays((3, 7), (3, 7, 1)))


REFUSED = {
    "type": (arrays((3, 7), (3, 7, 1), dtype="int32"), "'ids' has type int32; the engine takes int64"),
    "rank": (arrays((3, 7), (3, 7)), "3 axes are expected"),
    "fixed axis": (arrays((3, 7), (3, 7, 2)), "axis 2 must be 1"),
    "batch": (arrays((3, 7), (2, 7, 1)), "axis 'batch' must be 3 as that of 'ids'"),
    "tokens": (arrays((3, 7), (3, 8, 1)), "axis 'tokens' must be 7 as that of 'ids'"),
    "missing": ({"ids": A}, "takes the inputs ids, mask; it was given ids"),
    "unknown": ({**arrays((3, 7), (3, 7, 1)), "more": A}, "it was given ids, mask, more"),
}


@pytest.mark.parametrize(("inputs", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_other_inputs_are_refused(inputs: dict[str, Any], sentence: str) -> None:
    """Before the engine reads memory that is not what it takes it for."""
    with pytest.raises(InputMismatchError, match=sentence):
        check_inputs(boundary(), inputs)
