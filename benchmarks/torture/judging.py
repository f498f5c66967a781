"""What is promised of a fit that a fault struck, held against what was seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import faults
from patient import CANDIDATES
from stations import STATIONS
from wholeness import broken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from faults import Room
    from trial import Case

__all__ = ["violations"]

_WORDS = {
    "exception": ("struck on purpose",),
    "MemoryError": ("MemoryError: struck on purpose",),
    "full disk": ("No space left", "cannot write", "full"),
    "read-only folder": ("Read-only file system",),
    faults.HANG: ("BuildTimeoutError",),
    "vanished checkpoint": ("is gone", "no checkpoint", "No such file"),
    "vanished data": ("No such file",),
}
_BEFORE_THE_ROAD = ("checkpoint", "load")
_NEEDS_NOTHING = ("full cache", "read-only cache")


def violations(case: Case, room: Room, seen: Mapping[str, Any], *, without: Mapping[str, Any]) -> list[str]:
    """A sentence for each promise that was broken; `without` is what was seen of the fit without our callback."""
    found = broken(room.results, room.cache)
    if case.kind in {"SIGTERM", "SIGKILL"}:
        return [*found, *_of_end(case, room, seen)]
    if "ended" not in seen:
        return [*found, f"the process left no word: {seen['process']}"]
    found += _of_training(case, seen, without)
    found += _of_stop(seen) if case.kind in faults.STOPS else _of_error(case, room, seen)
    return found


def _of_training(case: Case, seen: Mapping[str, Any], without: Mapping[str, Any]) -> Iterable[str]:
    """What is the user's is as without us, and the checkpoint as it was before the export."""
    mine, theirs = dict(seen["possessions"]), dict(without["possessions"])
    before, after = seen["checkpoint"]
    if case.kind == "vanished checkpoint":
        mine.pop("checkpoint"), theirs.pop("checkpoint")
    elif before != after:
        yield "the checkpoint was changed"
    yield from (
        f"{name} differ: {mine[name]} and {theirs[name]} without" for name in theirs if mine[name] != theirs[name]
    )


def _of_end(case: Case, room: Room, seen: Mapping[str, Any]) -> Iterable[str]:
    """By then Lightning has given the signals back: SIGTERM ends the process, as it does without us."""
    if seen["process"] != case.kind:
        yield f"the process ended by {seen['process']}"
    if not room.checkpoint.is_file():
        yield "the checkpoint is gone"


def _of_stop(seen: Mapping[str, Any]) -> Iterable[str]:
    if seen["ended"] not in {"SystemExit", "KeyboardInterrupt"}:
        yield f"the stop was not passed on: fit {seen['ended']}"


def _of_error(case: Case, room: Room, seen: Mapping[str, Any]) -> Iterable[str]:
    if seen["ended"] != "returned":
        yield f"fit raised {seen['ended']}"
    report = _written(room)
    if report is None:
        told = " ".join(seen["warnings"])
        # Where nothing can be written, the warning is all that can be said.
        if case.kind != "read-only folder" and not (case.kind == "full disk" and case.station in _BEFORE_THE_ROAD):
            yield f"no report.json; {told or 'and no warning'}"
        elif not _tells(case, told):
            yield f"neither report.json nor a warning says why: {told}"
        return
    if seen["report"] is None or (not seen["numbers"] and seen["report"] != "error"):
        yield "the report is on disk and not on the callback"
    yield from _of_candidates(case, report)


def _of_candidates(case: Case, report: Mapping[str, Any]) -> Iterable[str]:
    """The right ones are lost, with the reason; all others are judged."""
    lost = {each["name"]: " ".join(each["reasons"]) for each in report["candidates"] if each["verdict"] == "error"}
    passed = {each["name"] for each in report["candidates"] if each["verdict"] == "pass"}
    expected = set(STATIONS[case.station].loses)
    if set(lost) | passed != set(CANDIDATES):
        yield f"neither lost nor passed: {set(CANDIDATES) - set(lost) - passed}"
    if case.kind in {*faults.ERRORS, faults.HANG} and case.moment != "inside" and set(lost) != expected:
        yield f"lost {sorted(lost)}; expected {sorted(expected)}"
    if case.kind in faults.ERRORS and not set(lost) <= expected:
        yield f"lost {sorted(lost)}; at most {sorted(expected)} were to be"
    if case.kind in _NEEDS_NOTHING and lost:
        yield f"the cache cost {lost}"
    yield from (f"{name} does not say why: {why!r}" for name, why in lost.items() if not _tells(case, why))


def _tells(case: Case, text: str) -> bool:
    return any(word in text for word in _WORDS.get(case.kind, ()))


def _written(room: Room) -> dict[str, Any] | None:
    paths = [path for path in room.results.glob("*/report.json") if not path.parent.name.startswith(".")]
    return json.loads(paths[0].read_text(encoding="utf-8")) if len(paths) == 1 else None
