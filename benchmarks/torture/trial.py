"""One trial: a forked process fits and exports while a fault strikes, and leaves what it saw."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import faults
from patient import Net, Rows, exported, trainer_of
from stations import STATIONS, struck
from witness import Witness, possessions

from lightning_trt.storage import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faults import Room

__all__ = ["Case", "Clock", "begin", "fitted", "forked", "suffered"]

_SEEN = "seen.json"
_LIMIT_SECONDS = 40.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault: what, where, and when; `call` says how far inside, as a number of calls."""

    kind: str
    station: str
    moment: str
    call: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.moment} {self.station}"


class Clock:
    """Seconds that went by, without those in which the machine stood still for everybody."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._looked = time.monotonic()

    def seconds(self) -> float:
        """So many since it was made; to be asked often."""
        now = time.monotonic()
        self._passed += min(now - self._looked, 1.0)
        self._looked = now
        return self._passed


def forked(
    work: Callable[[], None], *, log: Path, seconds: float, kill_after: float | None = None, since: Path | None = None
) -> str:
    """How a forked process ended that did `work`: `done`, `hung` after so many seconds, or a signal's name.

    Everything that it started ends with it. With `kill_after` it is killed once so many seconds have passed since the
    file `since` was there.
    """
    child = os.fork()
    if child == 0:
        begin(work, log)
    clock, began, is_hung = Clock(), None, False
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        now = clock.seconds()
        if began is None and (since is None or since.exists()):
            began = now
        is_hung = now > seconds
        if is_hung or (kill_after is not None and began is not None and now - began > kill_after):
            _kill_group(child)
            ended = os.waitpid(child, 0)
            break
        time.sleep(0.005)
    _kill_group(child)
    number = os.waitstatus_to_exitcode(ended[1])
    if is_hung:
        return "hung"
    return signal.Signals(-number).name if number < 0 else {0: "done"}.get(number, f"status {number}")


def begin(work: Callable[[], None], log: Path) -> None:
    """Nothing, and it never returns: the forked process does its work and is gone, without the parent's exit hooks."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        number = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(number, 1)
        os.dup2(number, 2)
        work()
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it is, it must not run on in a copy of the parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def fitted(room: Room, *, with_ours: bool = True, **options: Any) -> dict[str, Any]:
    """What a fit in `room` ended with: how, with which report and warnings, and what is the user's then."""
    ours = exported(room.root, on_gate_fail="warn", **options)
    witness = Witness()
    trainer = trainer_of(room.root, witness, *([ours] if with_ours else []))
    module = Net()
    ended = "returned"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            trainer.fit(module, datamodule=Rows(room.data))
        except BaseException as error:  # noqa: BLE001 - that is what is looked at
            traceback.print_exc()
            ended = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")
    after = sha256_of(room.checkpoint) if room.checkpoint.is_file() else None
    return {
        "ended": ended,
        "report": None if ours.report is None else ours.report.verdict.value,
        "numbers": sorted(name for name in trainer.callback_metrics if name.startswith("trt/")),
        "warnings": [str(each.message) for each in said if each.category is UserWarning],
        "checkpoint": [witness.checkpoint, after],
        "possessions": possessions(trainer, module),
    }


def suffered(case: Case, room: Room, *, seconds: float) -> dict[str, Any]:
    """What the process that suffered `case` saw; without `ended` where it left no word, `process` says how it went."""
    faults.mounted(case.kind, room)
    options: dict[str, Any] = {"formats": ("markdown", "junit")}
    if case.station == "report":
        options["formats"] = ("markdown", "html", "junit")
    if case.kind == faults.HANG:
        options["build"] = {"threads": 1, "time_limit_seconds": _LIMIT_SECONDS}

    def work() -> None:
        strike = faults.strike_of(case.kind, room)
        with struck(STATIONS[case.station], strike, moment=case.moment, call=case.call):
            seen = fitted(room, **options)
        (room.root / _SEEN).write_text(json.dumps(seen))

    process = forked(work, log=room.root / "log.txt", seconds=seconds)
    seen = room.root / _SEEN
    return {"process": process, **(json.loads(seen.read_text()) if seen.is_file() else {})}
