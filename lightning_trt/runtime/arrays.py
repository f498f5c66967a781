"""What sessions ask of arrays, and of who holds them: numpy and torch serve alike. Opens without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from typing_extensions import Self

    Again = Callable[[], "dict[str, ArrayT] | None"]

__all__ = ["Array", "ArrayT", "Bindings", "Call", "Memory", "Queue", "Scratch"]


class Array(Protocol):
    """An array of any library."""

    @property
    def dtype(self) -> Any:  # noqa: ANN401 - each library has types of its own
        """Its data type."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes."""
        ...

    def __getitem__(self, rows: Any, /) -> Self:  # noqa: ANN401 - a slice, or a list of rows
        """Some of its rows."""
        ...


ArrayT = TypeVar("ArrayT", bound=Array)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bindings:
    """Data types by tensor name, spelled as boundaries do: what the plan takes and makes, and what results shall be."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    gives: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """Device memory at `address`, as long as `owner` lives."""

    address: int
    num_bytes: int
    owner: object


class Queue(Protocol):
    """Where work is put: the order of what one session does on its GPU."""

    def ordered(self) -> AbstractContextManager[object]:
        """Device and order for one call."""
        ...

    def run(self, enqueue: Callable[[int], bool]) -> bool:
        """What `enqueue` answers, after it put its work on the stream whose handle it got."""
        ...

    def finish(self) -> None:
        """Nothing; all that was put there is done."""
        ...


class Memory(Protocol[ArrayT]):
    """One library's arrays, and its memory on the GPU."""

    def scratch(self, num_bytes: int) -> Scratch:
        """So much device memory."""
        ...

    def call(self, context: Any, bindings: Bindings) -> Call[ArrayT]:  # noqa: ANN401 - TensorRT ships no types
        """Calls of an execution context whose input shapes are set."""
        ...

    def joined(self, parts: Sequence[ArrayT]) -> ArrayT:
        """The parts in one array, along their first axis."""
        ...

    def places(self, arrays: Sequence[object]) -> Hashable:
        """What says of arrays all that a replayed call depends on but their values; None where none is replayed."""
        ...


class Call(Protocol[ArrayT]):
    """An engine set up for one set of input shapes, to be called many times."""

    def __call__(self, given: Mapping[str, ArrayT]) -> dict[str, ArrayT]:
        """Outputs by name."""
        ...

    def again(self, given: Mapping[str, ArrayT]) -> Again[ArrayT] | None:
        """What calls it once more on whatever lies in the same places; None where it reads elsewhere."""
        ...
