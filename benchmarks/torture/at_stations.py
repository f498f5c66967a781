"""Part `faults`: every kind of fault at every station, and what each cost."""

from __future__ import annotations

import random
import shutil
import tempfile
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faults
from faults import Room
from judging import violations
from patient import Net, Rows, settings
from stations import STATIONS, counted
from trial import Case, fitted, forked, suffered
from wholeness import leftovers

import lightning_trt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SHORT", "Bench", "cases"]

_INSIDE = {"exception": (0.3, 0.8)}
_AFTER = {"exception", "MemoryError", "SystemExit"}
SHORT = (
    Case(kind="exception", station="probe", moment="before"),
    Case(kind="exception", station="build", moment="after"),
    Case(kind="exception", station="compare", moment="before"),
    Case(kind="MemoryError", station="calibrate", moment="before"),
    Case(kind="full disk", station="build", moment="before"),
    Case(kind="full cache", station="validate", moment="before"),
    Case(kind="read-only folder", station="validate", moment="before"),
    Case(kind="vanished checkpoint", station="checkpoint", moment="before"),
    Case(kind="vanished data", station="calibrate", moment="before"),
    Case(kind="KeyboardInterrupt", station="measure", moment="before"),
    Case(kind="SIGTERM", station="validate", moment="before"),
    Case(kind="SIGKILL", station="report", moment="after"),
)


def cases(num_calls: Mapping[str, int]) -> tuple[Case, ...]:
    """Every kind at every station, shuffled, so that a run that is cut off has seen of all."""
    ordered = [*_ordered(num_calls)]
    return tuple(random.Random(0).sample(ordered, len(ordered)))  # noqa: S311 - no secret


def _ordered(num_calls: Mapping[str, int]) -> Iterator[Case]:
    """Before each station, after it where that differs, and inside at shares of its calls."""
    for station, kind in product(STATIONS, faults.KINDS):
        if kind == faults.HANG and station != "build":
            continue  # other stations have no time limit
        yield Case(kind=kind, station=station, moment="before")
        if kind in _AFTER:
            yield Case(kind=kind, station=station, moment="after")
        for share in _INSIDE.get(kind, (0.6,)):
            yield Case(kind=kind, station=station, moment="inside", call=max(1, int(share * num_calls[station])))


class Bench:
    """One machine's trials: what a fit is without us, and a cache that a whole export has filled."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._home = tempfile.TemporaryDirectory(prefix="torture-")
        self._warm = Room(root=Path(self._home.name) / "warm")
        self.without = fitted(Room(root=Path(self._home.name) / "without"), with_ours=False)
        self.num_calls: dict[str, int] = {}
        with ExitStack() as stack:
            for station in STATIONS.values():
                stack.enter_context(counted(station, self.num_calls))
            # Whatever is imported or compiled at a first time is, before the first fork.
            fitted(self._warm, formats=("markdown", "html", "junit"))

    def violations(self, case: Case) -> list[str]:
        """What was promised and not kept when `case` happened, and when the export was made again afterwards."""
        room = Room(root=Path(tempfile.mkdtemp(prefix="case-", dir=self._home.name)))
        if case.station != "export":
            shutil.copytree(self._warm.cache, room.cache)
        try:
            seen = suffered(case, room, seconds=self._seconds)
            found = violations(case, room, seen, without=self.without)
            faults.unmounted(room)
            found += self._of_next_run(room)
        finally:
            faults.cleared(room)
        if found:
            logs = [room.root / "log.txt", *([room.root / "next.txt"] if "next run" in " ".join(found) else [])]
            found += [log.read_text(errors="replace")[-2000:] for log in logs if log.is_file()]
        shutil.rmtree(room.root, ignore_errors=True)
        return found

    def _of_next_run(self, room: Room) -> list[str]:
        """An export of the same checkpoint into the same folders passes, and leaves nothing that was begun."""
        checkpoint = room.checkpoint if room.checkpoint.is_file() else self._warm.checkpoint

        def work() -> None:
            options: dict[str, Any] = settings(room.root, formats=("markdown", "junit"))
            report = lightning_trt.export(Net(), Rows(room.data), checkpoint=checkpoint, **options)
            if report.verdict.value != "pass":
                raise AssertionError(report)

        process = forked(work, log=room.root / "next.txt", seconds=self._seconds)
        found = [] if process == "done" else [f"the next run did not pass: {process}"]
        return found + [f"left behind: {name}" for name in leftovers(room.results, room.cache)]
