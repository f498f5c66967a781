"""How the points of a sweep stand to each other, and whether the sweep passes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Verdict
from lightning_trt.notices import notice
from lightning_trt.renderers import html, leaderboard
from lightning_trt.renderers.leaderboard import Entry, Failure, Same
from lightning_trt.settings import Require
from lightning_trt.storage import locked, write_whole
from lightning_trt.sweeps.points import points_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lightning_trt.sweeps.points import Point

__all__ = ["Standing", "standing_of", "write"]

_BAD = {Verdict.failed, Verdict.error}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All candidates, the best first; the points that failed; those that are the same as others; whether it passes."""

    entries: tuple[Entry, ...]
    failures: tuple[Failure, ...]
    same: tuple[Same, ...]
    passes: bool


def standing_of(points: Sequence[Point], *, require: Require = Require.any) -> Standing:
    """How `points` stand; a point passes when it did not fail, and no report of its own says fail or error."""
    told = _told_apart(points)
    points = [point for point in told if point.same_as is None or point.why is not None]
    same = [(point, point.same_as) for point in told if point.same_as is not None and point.why is None]
    passed = [point.why is None and not any(report.verdict in _BAD for report in point.reports) for point in points]
    failed = [(point, point.why) for point in points if point.why is not None]
    return Standing(
        entries=leaderboard.ranked(entry for point in points for entry in _entries(point)),
        failures=tuple(Failure(point=point.name, overrides=point.overrides, why=why) for point, why in failed),
        same=tuple(Same(point=point.name, overrides=point.overrides, as_=other) for point, other in same),
        passes=any(passed) if require is Require.any else bool(passed) and all(passed),
    )


def write(sweep: Path, *, require: Require = Require.any, is_over: bool = True) -> Standing:
    """The standing of the sweep at `sweep`, which is written there as `leaderboard.json`, `.md` and `.html`.

    The page is left out where what draws it is missing (it is the extra `report`'s), and of a sweep that is not over
    as long as no point failed: of its end it is certain that somebody will tell.
    """
    # Several jobs may end at once, each in a process of its own.
    with locked(sweep / "leaderboard"):
        standing = standing_of(points_of(sweep), require=require)
        listed = (standing.entries, standing.failures, standing.same)
        write_whole(sweep / "leaderboard.json", leaderboard.to_text(*listed, passes=standing.passes))
        write_whole(sweep / "leaderboard.md", leaderboard.markdown(*listed, passes=standing.passes))
        if html.why_not() is None and (is_over or standing.failures):
            _write_page(sweep, standing)
    return standing


def _write_page(sweep: Path, standing: Standing) -> None:
    try:
        page = html.leaderboard_page(
            standing.entries, standing.failures, standing.same, passes=standing.passes, sweep=sweep
        )
    except Exception as error:  # noqa: BLE001 - hours of building must not be lost to a figure
        notice(f"leaderboard.html was left out, as it could not be drawn: {type(error).__name__}: {error}")
        return
    write_whole(sweep / "leaderboard.html", page)


def _told_apart(points: Sequence[Point]) -> list[Point]:
    """The points without the overrides that all of them share."""
    shared = set.intersection(*(set(point.overrides) for point in points)) if len(points) > 1 else set()
    return [replace(each, overrides=tuple(word for word in each.overrides if word not in shared)) for each in points]


def _entries(point: Point) -> Iterator[Entry]:
    for report in point.reports:
        page = report.path / "report.html"
        for candidate in report.candidates.values():
            yield Entry(
                point=point.name,
                overrides=point.overrides,
                run=report.path,
                candidate=candidate,
                metric=report.checkpoint.monitor or next(iter(candidate.metrics), None),
                p50_ms=report.p50_ms(candidate.latency),
                page=page if page.is_file() else None,
            )
