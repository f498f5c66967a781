"""A place in a parsed JSON document that knows where it is, for errors that name it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

from lightning_trt.errors import ReportError, nearest

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["Node"]

EnumT = TypeVar("EnumT", bound=Enum)


@dataclass(frozen=True, slots=True)
class Node:
    """The value at one place, `where`, of the document `source`, which is a `kind`; `remedy` is how to get a new one.

    Each method returns the value as one type and raises a ReportError where it is of another.

    Example:
        >>> from lightning_trt.renderers._tree import Node
        >>> Node({"n": 10}, where="", source="run").get("n").integer()
        10
    """

    value: object
    where: str
    source: str
    kind: str = "report"
    remedy: str = "export again"

    def get(self, key: str) -> Node:
        """What this object holds under `key`."""
        found = self.members()
        if key not in found:
            raise ReportError(
                f"the {self.kind} {self.source} has no {self._path(key)!r}. Schema 1 asks for it; the file was edited "
                f"or written by another program: {self.remedy}."
            )
        return found[key]

    def members(self) -> dict[str, Node]:
        """The members of this object."""
        if not isinstance(self.value, dict):
            self.refuse("an object")
        return {key: self._at(each, self._path(key)) for key, each in self.value.items()}

    def optional_members(self, key: str) -> dict[str, Node]:
        """The members of the object under `key`; none where there is no such key."""
        found = self.members()
        return found[key].members() if key in found else {}

    def items(self) -> list[Node]:
        """The elements of this list."""
        if not isinstance(self.value, list):
            self.refuse("a list")
        return [self._at(each, f"{self.where}[{index}]") for index, each in enumerate(self.value)]

    def optional_items(self, key: str) -> list[Node]:
        """The elements of the list under `key`; none where there is no such key."""
        found = self.members()
        return found[key].items() if key in found else []

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            self.refuse("a string")
        return self.value

    def number(self) -> float:
        """A number; null is one that JSON cannot hold, so NaN."""
        if self.value is None:
            return math.nan
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.refuse("a number")
        return float(self.value)

    def integer(self) -> int:
        """A whole number, 0 or above."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            self.refuse("a whole number, 0 or above")
        return self.value

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.refuse("true or false")
        return self.value

    def not_finite(self) -> float:
        """NaN or an infinity, from its spelling."""
        if self.value not in {"NaN", "Infinity", "-Infinity"}:
            self.refuse('"NaN", "Infinity" or "-Infinity"')
        return float(str(self.value))

    def choice(self, enum: type[EnumT]) -> EnumT:
        """The member of `enum` with this value."""
        word = self.text()
        known = {str(each.value): each for each in enum}
        if word not in known:
            self.refuse(f"a {enum.__name__.lower()}", hint=f" {nearest(word, known)}")
        return known[word]

    @property
    def is_null(self) -> bool:
        """Whether there is null."""
        return self.value is None

    def fill(self, pointer: str, value: float) -> None:
        """Nothing; `value` then stands where the JSON pointer leads, which held null."""
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]] or [""]
        place = self.value
        for part in parents:
            place = self._step(place, part, pointer)
        if self._step(place, last, pointer) is not None:
            Node(pointer, "not_finite", self.source).refuse("a pointer to null")
        if isinstance(place, list):
            place[int(last)] = value
        else:
            cast("dict[str, object]", place)[last] = value

    def refuse(self, expected: str, *, hint: str = "") -> NoReturn:
        """Raises the error that says what stands here and what was expected."""
        shown = repr(self.value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."  # noqa: PLR2004 - as much as a sentence bears
        raise ReportError(
            f"the {self.kind} {self.source}: {self.where or 'the document'} is {shown}; {expected} was expected.{hint} "
            f"The file was edited or written by another program; {self.remedy}."
        )

    def _at(self, value: object, where: str) -> Node:
        return Node(value, where, self.source, self.kind, self.remedy)

    def _path(self, key: str) -> str:
        step = key if key.isidentifier() else f"[{key!r}]"
        return f"{self.where}.{step}" if self.where and step is key else f"{self.where}{step}"

    def _step(self, place: object, part: str, pointer: str) -> object:
        try:
            found: object = place[int(part)] if isinstance(place, list) else cast("dict[str, object]", place)[part]
        except (KeyError, IndexError, ValueError, TypeError):
            Node(pointer, "not_finite", self.source).refuse("a pointer to a number of this report")
        return found
