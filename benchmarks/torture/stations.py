"""Where each station is reached, and how a fault gets into it: before, inside, or after its real work."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from patient import CANDIDATES

import lightning_trt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["STATIONS", "Station", "counted", "struck"]

_PACKAGE = str(lightning_trt.__path__[0])
_FP32, _INT8 = CANDIDATES


@dataclass(frozen=True, kw_only=True)
class Station:
    """A function of the package by the name under which its caller has it.

    `turn` is the call that is struck, where there are several; `loses` are the candidates that an error there costs.
    """

    name: str
    place: str
    turn: int = 0
    loses: tuple[str, ...] = CANDIDATES


STATIONS = {
    each.name: each
    for each in (
        Station(name="checkpoint", place="callbacks.trt_export:best_of"),
        Station(name="load", place="pipeline.entrances:subject_of_fit"),
        Station(name="probe", place="pipeline.road:probe"),
        Station(name="export", place="pipeline.road:export"),
        Station(name="calibrate", place="pipeline.leading:calibrate", loses=(_INT8,)),
        Station(name="rewrite", place="pipeline.written:rewrite", loses=(_FP32,)),
        Station(name="build", place="pipeline.road:build", turn=1, loses=(_INT8,)),
        Station(name="open", place="backends.onnxruntime:OnnxRuntime.open", loses=(_FP32,)),
        Station(name="measure", place="pipeline.latencies:measure"),
        Station(name="validate", place="pipeline.road:validate"),
        Station(name="compare", place="pipeline.reporting:compare"),
        Station(name="gate", place="pipeline.entrances:gate"),
        Station(name="report", place="pipeline.reporting:formats_of", loses=()),
        Station(name="writing", place="pipeline.entrances:write"),
        Station(name="loggers", place="callbacks.trt_export:log", loses=()),
    )
}


@contextmanager
def struck(station: Station, strike: Callable[[], None], *, moment: str, call: int = 0) -> Iterator[None]:
    """While entered, `strike` is called `before` or `after` the station's work, or `inside` it.

    Inside is when the package's own code makes its `call`-th function call there.
    """

    def striking(work: Callable[[], Any]) -> Any:
        if moment == "before":
            strike()
        if moment != "inside":
            result = work()
        else:
            with _profiled(_AtCall(call, strike)):
                result = work()
        if moment == "after":
            strike()
        return result

    with _wrapped(station, striking):
        yield


@contextmanager
def counted(station: Station, into: dict[str, int]) -> Iterator[None]:
    """While entered, `into` gets the number of calls that the package's own code makes in the station."""

    def counting(work: Callable[[], Any]) -> Any:
        counter = _AtCall(-1, lambda: None)
        with _profiled(counter):
            result = work()
        into[station.name] = counter.seen
        return result

    with _wrapped(station, counting):
        yield


@contextmanager
def _wrapped(station: Station, around: Callable[[Callable[[], Any]], Any]) -> Iterator[None]:
    module, _, path = station.place.partition(":")
    *parents, name = path.split(".")
    owner: Any = import_module(f"lightning_trt.{module}")
    for parent in parents:
        owner = getattr(owner, parent)
    real = getattr(owner, name)
    turns = iter(range(1 << 30))

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if next(turns) != station.turn:
            return real(*args, **kwargs)
        return around(lambda: real(*args, **kwargs))

    setattr(owner, name, wrapper)
    try:
        yield
    finally:
        setattr(owner, name, real)


class _AtCall:
    """A profile function that does something at one call of the package's own code, once."""

    def __init__(self, call: int, strike: Callable[[], None]) -> None:
        self.seen = 0
        self._call = call
        self._strike = strike

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(_PACKAGE):
            return
        self.seen += 1
        if self.seen == self._call:
            sys.setprofile(None)
            self._strike()


@contextmanager
def _profiled(profile: _AtCall) -> Iterator[None]:
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)
