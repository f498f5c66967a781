"""Part `ranks`: a fit of two or three ranks (gloo), one of which suffers; no hang, and one end for all that live."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import tempfile
import time
import traceback
import warnings
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faults
from faults import Room
from patient import Net, Rows, exported, trainer_of
from stations import STATIONS, Station, struck
from trial import Clock, begin
from wholeness import broken

from lightning_trt.distributed import Crew
from lightning_trt.renderers.json import to_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SHORT", "Meeting", "cases", "violations_of"]

_FOLLOWING = {
    each.name: each
    for each in (
        Station(name="join", place="pipeline.following:Follower._joined", loses=()),
        Station(name="calibrate", place="pipeline.following:Follower._calibrate", loses=()),
        Station(name="validate", place="pipeline.following:Follower._validate", loses=()),
    )
}
_LEADING = ("probe", "export", "calibrate", "build", "measure", "validate", "compare", "writing", "loggers")
_KINDS = ("exception", "MemoryError", "vanished data", "SystemExit", "KeyboardInterrupt", "SIGTERM", "SIGKILL")
_SILENCE = "silence"


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """One fit of `size` ranks, of which `rank` meets a fault of this kind at the station."""

    kind: str
    station: str
    rank: int
    size: int

    def __str__(self) -> str:
        return f"{self.kind} before {self.station} on rank {self.rank} of {self.size}"

    @property
    def place(self) -> Station:
        """Where it is met: by rank zero on the road, by another one at an errand."""
        return STATIONS[self.station] if self.rank == 0 else _FOLLOWING[self.station]


SHORT = (
    Meeting(kind="exception", station="calibrate", rank=1, size=2),
    Meeting(kind="SystemExit", station="validate", rank=0, size=2),
)


def cases() -> tuple[Meeting, ...]:
    """Each kind of fault on each rank, at each of its stations, shuffled."""
    ordered = [*_ordered()]
    return tuple(random.Random(0).sample(ordered, len(ordered)))  # noqa: S311 - no secret


def _ordered() -> Iterator[Meeting]:
    for size in (2, 3):
        yield from (Meeting(kind=k, station=s, rank=0, size=size) for k, s in product(_KINDS, _LEADING))
        for rank in range(1, size):
            kinds = (*_KINDS, _SILENCE)
            yield from (Meeting(kind=k, station=s, rank=rank, size=size) for k, s in product(kinds, _FOLLOWING))


def violations_of(meeting: Meeting, *, seconds: float) -> list[str]:
    """What was promised and not kept; each rank has so many seconds."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        room = Room(root=Path(folder))
        Rows(room.data).prepare_data()
        room.results.mkdir()
        ended = _ended(meeting, room, seconds=seconds)
        said = [_said(room, rank) for rank in range(meeting.size)]
        found = [f"rank {rank} hung" for rank, how in enumerate(ended) if how == "hung"]
        found += broken(room.results, room.cache)
        found += _of_ends(meeting, ended, said)
        if found:
            found += [(room.root / f"{rank}.txt").read_text(errors="replace")[-1500:] for rank in range(meeting.size)]
        return found


def _ended(meeting: Meeting, room: Room, *, seconds: float) -> list[str]:
    """How each rank's process ended."""
    port = _free_port()
    children = [_started(meeting, room, rank=rank, port=port) for rank in range(meeting.size)]
    clock, ended = Clock(), [""] * meeting.size
    while not all(ended) and clock.seconds() < seconds:
        for rank, child in enumerate(children):
            if not ended[rank] and (done := os.waitpid(child, os.WNOHANG))[0]:
                ended[rank] = _named(os.waitstatus_to_exitcode(done[1]))
        time.sleep(0.01)
    for rank, child in enumerate(children):
        if not ended[rank]:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            ended[rank] = "hung"
    return ended


def _started(meeting: Meeting, room: Room, *, rank: int, port: int) -> int:
    child = os.fork()
    if child == 0:
        begin(lambda: _rank(meeting, room, rank=rank, port=port), room.root / f"{rank}.txt")
    return child


def _named(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else "done" if code == 0 else f"status {code}"


def _rank(meeting: Meeting, room: Room, *, rank: int, port: int) -> None:
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        NODE_RANK="0",
        WORLD_SIZE=str(meeting.size),
    )
    ours = exported(room.root, formats=("markdown", "junit"), on_gate_fail="warn")
    trainer = trainer_of(room.root, ours, devices=meeting.size, strategy="ddp", logger=False)
    said: dict[str, Any] = {"ended": "returned"}
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")
        stack.enter_context(_impatient())
        if rank == meeting.rank:
            strike = (lambda: time.sleep(3600)) if meeting.kind == _SILENCE else faults.strike_of(meeting.kind, room)
            stack.enter_context(struck(meeting.place, strike, moment="before"))
        try:
            trainer.fit(Net(), datamodule=Rows(room.data))
        except BaseException as error:  # noqa: BLE001 - that is what is looked at
            traceback.print_exc()
            said["ended"] = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")
    if ours.report is not None:
        said |= {"report": to_text(ours.report)}
    (room.root / f"rank-{rank}.json").write_text(json.dumps(said))


@contextmanager
def _impatient() -> Iterator[None]:
    """While entered, a rank that says nothing is given up after seconds; five minutes would take the bench too long."""
    before = dict(Crew.ask.__kwdefaults__)
    Crew.ask.__kwdefaults__["silence"] = timedelta(seconds=10)
    try:
        yield
    finally:
        Crew.ask.__kwdefaults__.update(before)


def _said(room: Room, rank: int) -> dict[str, Any] | None:
    path = room.root / f"rank-{rank}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _of_ends(meeting: Meeting, ended: list[str], said: list[dict[str, Any] | None]) -> Iterator[str]:
    """All ranks that were not ended themselves end alike: with the same report, or stopped as rank zero was."""
    stopped = meeting.kind in faults.STOPS or meeting.kind == _SILENCE
    others = [word for rank, word in enumerate(said) if not (stopped and rank == meeting.rank)]
    if any(word is None for word in others):
        yield f"a rank left no word: {ended}"
        return
    ends = {(word["ended"], word.get("report")) for word in others if word is not None}
    if len(ends) != 1:
        yield f"the ranks ended differently: {[(word or {}).get('ended') for word in said]}"
    if meeting.rank != 0 and any("report" not in word for word in others if word is not None):
        yield "what one rank suffered cost the report"
    if meeting.rank == 0 and meeting.kind in {"SystemExit", "KeyboardInterrupt"}:
        yield from (
            "rank zero was stopped, and another went on" for word in others if word and word["ended"] == "returned"
        )
