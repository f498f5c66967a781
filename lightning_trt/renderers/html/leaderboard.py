"""`leaderboard.html`: the candidates of a sweep, those that nothing beats, and the points that failed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import quote

from lightning_trt.artifacts import Verdict
from lightning_trt.renderers._grids import Cell, Grid
from lightning_trt.renderers.html.drawing import THEME, Drawing, can_be_drawn
from lightning_trt.renderers.html.forest import MARKS
from lightning_trt.renderers.html.page import Page, Section, html_of, plots_of
from lightning_trt.renderers.html.tables import SIGNS
from lightning_trt.renderers.html.tradeoff import HEIGHT, Point, named, set_up
from lightning_trt.renderers.numbers import drop_with_interval, milliseconds, number, times

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from lightning_trt.renderers.leaderboard import Entry, Failure, Same

__all__ = ["leaderboard_page"]

_HEADER = (
    *("point", "overrides", "candidate", "verdict", "front", "metric"),
    *("value", "drop", "interval", "p50 ms", "speedup"),
)
_MAX_METRICS = 6
_MAX_NAMES = 8
"""So many points of the front are named in the figure; the table names all."""


def leaderboard_page(
    entries: Sequence[Entry], failures: Sequence[Failure], same: Sequence[Same], *, passes: bool, sweep: Path
) -> str:
    """The sweep in the folder `sweep` as an HTML page: a figure of each metric, the table, and who has no results."""
    sections = (_front(entries), _table(entries, sweep), _failed(failures), _equal(same))
    return html_of(
        Page(
            title=f"{_verdict(passes).value}: sweep {sweep.name}",
            verdict=_verdict(passes),
            heading=f"Sweep {sweep.name}",
            summary=_summary(entries, failures),
            origin="Points are linked to their reports; a click on a column's head sorts by it.",
            sections=tuple(each for each in sections if not each.is_empty),
        )
    )


def _verdict(passes: bool) -> Verdict:  # noqa: FBT001 - a verdict for a bool
    return Verdict.passed if passes else Verdict.failed


def _summary(entries: Sequence[Entry], failures: Sequence[Failure]) -> str:
    best = next((each for each in entries if each.candidate.verdict is Verdict.passed), None)
    first = "No candidate passed." if best is None else f"The fastest that passes is {_name(best)}."
    return f"{first} Candidates: {len(entries)}; points that failed: {len(failures)}."


def _name(entry: Entry) -> str:
    return f"{entry.candidate.name} ({entry.point})"


def _front(entries: Sequence[Entry]) -> Section:
    metrics = dict.fromkeys(each.metric for each in entries if each.metric is not None)
    caption = "The line joins those that no other beats in both; a name is followed by its point."
    drawings = [(caption, _drawing(entries, metric)) for metric in list(metrics)[:_MAX_METRICS]]
    return Section(key="front", title="Accuracy against latency", plots=plots_of(drawings, key="front"))


def _drawing(entries: Sequence[Entry], metric: str) -> Drawing | None:
    """`metric` against the median of every candidate that has both; None where fewer than two have."""
    placed = [(each, point) for each in entries if each.metric == metric and (point := _point(each)) is not None]
    if len(placed) < 2:  # noqa: PLR2004 - nothing is traded for one
        return None
    return Drawing(height=HEIGHT, draw=lambda figure: _draw(figure, metric, placed))


def _point(entry: Entry) -> Point | None:
    measured, p50_ms = entry.measured, entry.p50_ms
    if measured is None or p50_ms is None or not can_be_drawn(p50_ms, measured.value) or p50_ms <= 0:
        return None
    return Point(name=_name(entry), p50_ms=p50_ms, value=measured.value, metric=measured)


def _draw(figure: Figure, metric: str, placed: Sequence[tuple[Entry, Point]]) -> None:
    axes = set_up(figure, metric, time="p50 in ms")
    best = sorted((point for entry, point in placed if entry.is_on_front), key=lambda point: point.p50_ms)
    axes.step([each.p50_ms for each in best], [each.value for each in best], where="post", color=THEME["sky"])
    for entry, point in placed:
        marker, colour = MARKS[entry.candidate.verdict]
        axes.plot(point.p50_ms, point.value, marker, color=colour, markersize=7)
    named(axes, best[:_MAX_NAMES], up_to_ms=max(point.p50_ms for _, point in placed))


def _table(entries: Sequence[Entry], sweep: Path) -> Section:
    grid = Grid(header=_HEADER, rows=tuple(_row(each, sweep) for each in entries), num_words=6)
    return Section(key="candidates", title="All candidates", grid=grid if entries else None)


def _row(entry: Entry, sweep: Path) -> tuple[Cell, ...]:
    measured, candidate = entry.measured, entry.candidate
    drop, interval = ("-", "") if measured is None else drop_with_interval(measured)
    upper = math.nan if measured is None or measured.drop_high is None else measured.drop_high
    verdict = candidate.verdict
    return (
        Cell(entry.point, link=None if entry.page is None else quote(entry.page.relative_to(sweep).as_posix())),
        Cell(" ".join(entry.overrides)),
        Cell(candidate.name),
        Cell(f"{SIGNS[verdict]} {verdict.value}", tone=verdict),
        Cell("yes" if entry.is_on_front else ""),
        Cell(entry.metric or "-"),
        Cell(number(None if measured is None else measured.value), None if measured is None else measured.value),
        Cell(drop, None if measured is None else measured.drop),
        Cell(interval, upper),
        Cell(milliseconds(entry.p50_ms), entry.p50_ms),
        Cell(times(candidate.speedup), candidate.speedup),
    )


def _failed(failures: Sequence[Failure]) -> Section:
    lines = tuple(f"{each.point}, {' '.join(each.overrides)}: {each.why}" for each in failures)
    return Section(key="failed", title="Points that failed", lines=lines)


def _equal(same: Sequence[Same]) -> Section:
    lines = tuple(f"{each.point}, {' '.join(each.overrides)}: the same as {each.as_}" for each in same)
    return Section(key="same", title="Points that are the same as others", lines=lines)
