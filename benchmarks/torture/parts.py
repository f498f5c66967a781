"""The parts of the bench, and how each is written down."""

from __future__ import annotations

import json
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from record import Bound, arguments, record

if TYPE_CHECKING:
    import argparse

__all__ = ["main"]

_RESULTS = Path(__file__).parents[1] / "results" / "torture"


def main() -> int:
    """Exit status, 1 where a promise was broken; every trial is told as it ends."""
    torch.set_num_threads(1)
    # Whoever ends the bench gets what was found by then, also where it runs in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    asked = arguments(str(__doc__), part=tuple(_PARTS))
    return _PARTS[asked.part](asked)


def _faults(asked: argparse.Namespace) -> int:
    import faults
    from at_stations import SHORT, Bench, cases

    bench = Bench(seconds=150.0)
    chosen = tuple(each for each in (SHORT if asked.quick else cases(bench.num_calls)) if faults.can_strike(each.kind))
    tally = Tally(len(chosen), asked)
    with suppress(KeyboardInterrupt):
        for case in chosen:
            if str(case) not in tally.kept:
                tally.add(str(case), bench.violations(case))
    return tally.recorded(
        asked,
        what="faults",
        least=len(chosen) if asked.quick else 300,
        method="A fit of a small net with two candidates runs in a process of its own; the fault strikes before, after "
        "or inside a station's real work. What is the user's is compared with a fit without the callback, the files "
        "are verified, and the export is made once more.",
    )


def _kills(asked: argparse.Namespace) -> int:
    from killing import Killer

    total, between = (12, 7) if asked.quick else (500, 16)
    # What takes longest is killed least often.
    names = ("export",) if asked.quick else ("export", "export", "fit", "export", "sweep")
    killer = Killer(set(names), seconds=150.0, seed=int(time.time()))
    tally, number = Tally(total, asked), 0
    with suppress(KeyboardInterrupt):
        while tally.num_tried < total:
            number += 1
            name, while_writing = names[number % len(names)], number % 2 == 0
            when = "while writing" if while_writing else "any time"
            was_met, found = killer.killed(name, while_writing=while_writing)
            if was_met or found:
                tally.add(f"{name}, {when}, {tally.num_tried}", found)
            if number % between == 0:
                tally.add_check(f"{name} after {number} runs", killer.finished(name))
    return tally.recorded(
        asked,
        what="kills",
        least=total,
        method="Exports, fits and Hydra sweeps in processes of their own, into one folder and cache each, are killed "
        "by SIGKILL: half of them after a random time, half at a random moment of the code that writes files. After "
        "each, every file with its final name is verified; now and then a run is let finish, and must leave nothing.",
    )


def _ranks(asked: argparse.Namespace) -> int:
    from at_stations import Bench
    from ranks import SHORT, cases, violations_of

    Bench(seconds=150.0)  # imports and compiles all there is, before the first fork
    chosen = SHORT if asked.quick else cases()
    tally = Tally(len(chosen), asked)
    with suppress(KeyboardInterrupt):
        for case in chosen:
            if str(case) not in tally.kept:
                tally.add(str(case), violations_of(case, seconds=180.0))
    return tally.recorded(
        asked,
        what="meetings",
        least=len(chosen),
        method="A fit of two or three ranks (gloo), each a process of its own; one of them meets the fault at a "
        "station of rank zero's road, or at an errand. Each rank has 180 seconds, and all that were not stopped "
        "themselves must end with the same report, or stopped.",
    )


class Tally:
    """What was tried and which promises were broken, told as it comes.

    A run that was cut off (Ctrl-C, SIGTERM) is written down, and the next one goes on from what it `kept`; what was
    broken is tried again.
    """

    def __init__(self, total: int, asked: argparse.Namespace) -> None:
        self._total = total
        self._started = time.monotonic()
        before = _before(asked)
        self.kept = set(before.get("tried", ())) - set(before.get("broken", ()))
        self._tried: list[str] = [each for each in before.get("tried", ()) if each in self.kept]
        self._broken: dict[str, list[str]] = {}

    def add(self, trial: str, violations: list[str]) -> None:
        """Nothing; one more was tried."""
        self._tried.append(trial)
        print(f"{len(self._tried)} of {self._total}: {trial}: {'VIOLATED' if violations else 'kept'}", flush=True)
        if violations:
            self._broken[trial] = violations
            print("\n".join(violations), flush=True)

    @property
    def num_tried(self) -> int:
        """How many trials there were."""
        return len(self._tried)

    def add_check(self, check: str, violations: list[str]) -> None:
        """Nothing; something was looked at between trials."""
        print(f"{check}: {'VIOLATED' if violations else 'kept'}", flush=True)
        if violations:
            self._broken[check] = violations
            print("\n".join(violations), flush=True)

    def recorded(self, asked: argparse.Namespace, *, what: str, least: int, method: str) -> int:
        """Exit status, 1 where a promise was broken or too little was tried; the JSON is written."""
        return record(
            f"torture/{asked.part}",
            bounds=[
                Bound(name=what, value=len(self._tried), bound=least, unit="", is_least=True),
                Bound(name="violations", value=len(self._broken), bound=0, unit=""),
            ],
            measured={
                "broken": self._broken,
                "minutes": round((time.monotonic() - self._started) / 60, 1),
                "tried": self._tried,
            },
            method=method,
            quick=asked.quick,
            out=asked.out,
            said=["--part", asked.part],
        )


def _before(asked: argparse.Namespace) -> dict[str, Any]:
    """What an earlier run of the same part wrote down, to the same file."""
    path = asked.out or (None if asked.quick else _RESULTS / f"{asked.part}.json")
    if path is None or not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text())["measured"]
    return found


_PARTS = {"faults": _faults, "kills": _kills, "ranks": _ranks}
