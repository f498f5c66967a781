"""The sockets.

Why protocols and not base classes: a backend is somebody else's runtime with our verbs on it; it needs no code of
ours to inherit, and a
test's backend is as good as a real one. Each has at most three methods, because a seam is paid for once per method
and backend.
Change one only when two backends need the same thing and neither can have it behind `build` or `open`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from torch import Tensor
    from typing_extensions import Self

    from lightning_trt.artifacts import Engine, OnnxGraph, Ranges, Statistics
    from lightning_trt.precision import DType, Precision, PrecisionHome
    from lightning_trt.settings import BuildSettings

__all__ = ["Adopter", "Backend", "Builder", "Calibrator", "NativeCalibration", "OnDevice", "Sample", "Session"]

ArrayT = TypeVar("ArrayT")


class Session(Protocol[ArrayT]):
    """One open engine; a context manager that takes many calls.

    Outputs are fresh arrays that the caller may keep. A closed session raises `SessionClosedError`.
    """

    def __call__(self, inputs: Mapping[str, ArrayT]) -> Mapping[str, ArrayT]:
        """Outputs by name, for inputs by name; shapes and types as in the engine's boundary."""
        ...

    def layers(self) -> Mapping[DType, int]:
        """Number of layers by the data type they compute in: the proof of precision."""
        ...

    def typed_layers(self) -> tuple[tuple[str, DType], ...]:
        """Name of each layer, and the data type it computes in."""
        ...

    def close(self) -> None:
        """Give back what the engine holds; safe to call again."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Backend(Protocol):
    """A runtime that builds engines and opens them.

    `high_precision` is what its quantized engines compute the rest in, unless the user says otherwise.
    """

    name: str
    version: str
    precision_lives_in: PrecisionHome
    high_precision: Precision

    @property
    def environment(self) -> Mapping[str, str]:
        """What of this machine an engine built here must find again (`Engine.environment`); empty where nothing is."""
        ...

    def why_not(self, precision: Precision) -> str | None:
        """A sentence why this precision cannot be had here, or None; asked before any work."""
        ...

    def build(self, graph: OnnxGraph, *, precision: Precision, into: Path, settings: BuildSettings) -> Engine:
        """The engine of `graph`, its files in the existing folder `into`; the manifest is the station's to write."""
        ...

    def open(self, engine: Engine) -> Session[Tensor]:
        """A session on torch tensors of the engine whose files were already checked."""
        ...


@runtime_checkable
class Builder(Protocol):
    """A backend that builds engines also where they cannot run."""

    def why_not_run(self) -> str | None:
        """A sentence why its engines cannot run here, or None."""
        ...


@runtime_checkable
class OnDevice(Protocol):
    """A backend that wants its device to itself while it builds and is timed."""

    def device(self) -> str | None:
        """The device, by a name that is the same in every process of the machine; None where there is none here."""
        ...


@runtime_checkable
class NativeCalibration(Protocol):
    """A backend that is told ranges by `OnnxGraph.ranges`, or finds them itself (TensorRT 8 to 10)."""

    def why_no_cache(self) -> str | None:
        """A sentence why it is so no more, or None."""
        ...

    def calibrated(
        self, graph: OnnxGraph, samples: Iterable[Sample], *, algorithm: str, batch_size: int, settings: BuildSettings
    ) -> Ranges:
        """The ranges that its own calibrator `algorithm` finds on `samples`, taken `batch_size` at a time."""
        ...


class Sample(Protocol):
    """Flat inputs of one dataset item, in the boundary's order, each with a batch axis of size one."""

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The tensors."""
        ...


class Adopter(Protocol):
    """A backend that can tell from an engine file alone what goes in and out."""

    def adopt(self, path: Path) -> Engine:
        """The engine that the file at `path` is, without a manifest."""
        ...


class Calibrator(Protocol):
    """Ranges from statistics: a pure function.

    `needs_histograms` is False where extremes are enough, which a pass gathers at nearly no cost.
    """

    @property
    def needs_histograms(self) -> bool:
        """Whether extremes alone are too little."""
        ...

    def ranges(self, statistics: Statistics) -> Ranges:
        """A range for each tensor of `statistics`."""
        ...
