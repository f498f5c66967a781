"""The candidates of a sweep in one table: JSON for programs, Markdown and the terminal for people."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from lightning_trt.artifacts import Verdict
from lightning_trt.renderers.markdown import escape
from lightning_trt.renderers.numbers import drop_with_interval, milliseconds, number, times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lightning_trt.artifacts import CandidateReport, MetricReport

__all__ = ["Entry", "Failure", "Same", "markdown", "ranked", "table", "to_text"]

_SCHEMA = 1
_HEADER = ("point", "overrides", "candidate", "metric", "value", "drop", "interval", "p50 ms", "speedup", "verdict")
_WORDS = 4
_FRONT = " ^"
_BEST_FIRST = (Verdict.passed, Verdict.ungated, Verdict.inconclusive, Verdict.failed, Verdict.error)
_LEGEND = "^: no other candidate is both faster and more accurate."


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One candidate of one point; `metric` is the name of the one that is shown, `p50_ms` at the run's shared batch.

    Of the point's overrides those that the other points do not share. `page` is the run's own; None where it has
    none.
    """

    point: str
    overrides: tuple[str, ...]
    run: Path
    candidate: CandidateReport
    metric: str | None
    p50_ms: float | None
    page: Path | None = None
    is_on_front: bool = False

    @property
    def measured(self) -> MetricReport | None:
        """The metric that is shown, where it was measured."""
        return self.candidate.metrics.get(self.metric or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A point that failed, and why."""

    point: str
    overrides: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Same:
    """A point that was not run, because the point `as_` was told the same."""

    point: str
    overrides: tuple[str, ...]
    as_: str


def ranked(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries, the fastest that passes first; marked are those that nothing beats in accuracy and time at once."""
    listed = list(entries)
    marked = [replace(each, is_on_front=not any(_beats(other, each) for other in listed)) for each in listed]
    return tuple(sorted(marked, key=_rank))


def to_text(entries: Sequence[Entry], failures: Sequence[Failure], same: Sequence[Same], *, passes: bool) -> str:
    """`leaderboard.json`: `null` stands for what was not measured; paths are absolute, the sweep's folder may move."""
    document = {
        "schema": _SCHEMA,
        "verdict": "pass" if passes else "fail",
        "entries": [_plain(each) for each in entries],
        "failures": [{"point": each.point, "overrides": each.overrides, "why": each.why} for each in failures],
        "same": [{"point": each.point, "overrides": each.overrides, "as": each.as_} for each in same],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def markdown(entries: Sequence[Entry], failures: Sequence[Failure], same: Sequence[Same], *, passes: bool) -> str:
    """The table, and below it the points that failed, and those that are the same as others."""
    rules = ["---" if index < _WORDS else "---:" for index, _ in enumerate(_HEADER)]
    rows = [tuple(escape(cell.replace("\n", " ")) for cell in _cells(each)) for each in entries]
    lines = [f"| {' | '.join(cells)} |" for cells in (_HEADER, rules, *rows)]
    failed = [f"* {escape(each.point)}, `{' '.join(each.overrides)}`: {escape(each.why)}" for each in failures]
    parts = [f"# Sweep: {_verdict(passes)}", "\n".join(lines), _LEGEND]
    parts += ["## Points that failed", "\n".join(failed)] if failed else []
    equal = [f"* {escape(each.point)}, `{' '.join(each.overrides)}`: the same as {escape(each.as_)}" for each in same]
    parts += ["## Points that are the same as others", "\n".join(equal)] if equal else []
    return "\n\n".join(parts) + "\n"


def table(entries: Sequence[Entry], failures: Sequence[Failure], *, passes: bool) -> Table:
    """The same for the terminal."""
    grid = Table(
        title=f"Sweep: {_verdict(passes)}", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1), caption=_LEGEND
    )
    for header in ("point", "overrides", "candidate", "value\n  drop", "p50 ms\nspeedup", "verdict"):
        is_number = header.startswith(("value", "p50"))
        grid.add_column(header, justify="right" if is_number else "left", overflow="fold")
    for entry in entries:
        point, overrides, candidate, metric, value, drop, interval, p50_ms, speedup, verdict = _cells(entry)
        measured = f"{metric} {value}\n{drop} {interval}"
        grid.add_row(*map(Text, (point, overrides, candidate, measured, f"{p50_ms}\n{speedup}", verdict)))
    for failure in failures:
        grid.add_row(*map(Text, (failure.point, "\n".join(failure.overrides), "failed")))
    return grid


def _verdict(passes: bool) -> str:  # noqa: FBT001 - a word for a bool
    return "pass" if passes else "fail"


def _cells(entry: Entry) -> tuple[str, ...]:
    measured, candidate = entry.measured, entry.candidate
    drop, interval = ("-", "") if measured is None else drop_with_interval(measured)
    return (
        entry.point,
        "\n".join(entry.overrides),
        candidate.name,
        entry.metric or "-",
        number(None if measured is None else measured.value),
        drop,
        interval,
        milliseconds(entry.p50_ms),
        times(candidate.speedup),
        candidate.verdict.value + (_FRONT if entry.is_on_front else ""),
    )


def _plain(entry: Entry) -> dict[str, object]:
    measured, candidate = entry.measured, entry.candidate
    return {
        "point": entry.point,
        "overrides": entry.overrides,
        "run": str(entry.run),
        "candidate": candidate.name,
        "verdict": candidate.verdict.value,
        "metric": entry.metric,
        **{name: _finite(getattr(measured, name, None)) for name in ("value", "drop", "drop_low", "drop_high")},
        "p50_ms": _finite(entry.p50_ms),
        "speedup": _finite(candidate.speedup),
        "is_on_front": entry.is_on_front,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _beats(other: Entry, entry: Entry) -> bool:
    """Whether `other` is better in one of accuracy and time, and not worse in the other."""
    theirs, ours = _merits(other), _merits(entry)
    if ours is None:
        return True
    if theirs is None or other.metric != entry.metric:
        return False
    return theirs != ours and all(their >= our for their, our in zip(theirs, ours, strict=True))


def _merits(entry: Entry) -> tuple[float, float] | None:
    """Accuracy and speed, where more is better; None where one was not measured."""
    measured = entry.measured
    if measured is None or _finite(measured.value) is None or entry.p50_ms is None:
        return None
    if measured.higher_is_better is None:
        return -measured.drop, -entry.p50_ms
    return measured.value if measured.higher_is_better else -measured.value, -entry.p50_ms


def _rank(entry: Entry) -> tuple[int, float]:
    p50_ms = _finite(entry.p50_ms)
    return _BEST_FIRST.index(entry.candidate.verdict), math.inf if p50_ms is None else p50_ms
