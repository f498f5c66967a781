"""The drops of one metric with their intervals, against zero and the limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Verdict
from lightning_trt.renderers._findings import allowed_drop, metric_of
from lightning_trt.renderers.html.drawing import THEME, Drawing, can_be_drawn, in_rows
from lightning_trt.renderers.numbers import drop_with_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from lightning_trt.artifacts import MetricReport, Report

__all__ = ["MARKS", "forest", "steps", "verdict_on"]

MARKS = {
    Verdict.passed: ("o", THEME["green"]),
    Verdict.failed: ("X", THEME["red"]),
    Verdict.error: ("X", THEME["red"]),
    Verdict.inconclusive: ("D", THEME["orange"]),
    Verdict.ungated: ("o", THEME["grey"]),
}
"""Marker and colour of a verdict: no verdict is told by its colour alone."""

_WORST_FIRST = (Verdict.error, Verdict.failed, Verdict.inconclusive, Verdict.passed)
_REACH = 3.0
"""A limit is the scale: what lies further away than so many of it is shown by an arrow at the edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One drop, its limit and what the gate said of it."""

    name: str
    metric: MetricReport
    limit: float | None = None
    verdict: Verdict = Verdict.ungated

    @property
    def numbers(self) -> tuple[float, ...]:
        """All of its numbers that have a place on an axis."""
        known = (self.metric.drop, self.metric.drop_low, self.metric.drop_high, self.limit)
        return tuple(each for each in known if each is not None and can_be_drawn(each))


def forest(report: Report, metric: str) -> Drawing | None:
    """The drop of `metric` for every candidate that has it; None where none has."""
    rows = [
        _Row(
            name=name,
            metric=each.metrics[metric],
            limit=allowed_drop(report, candidate=name, metric=metric),
            verdict=verdict_on(report, candidate=name, metric=metric),
        )
        for name, each in report.candidates.items()
        if metric in each.metrics
    ]
    return _in_rows(rows)


def steps(report: Report, metric: str) -> Drawing | None:
    """What each step of the road loses of `metric`; None where no loss was taken apart."""
    return _in_rows(
        [
            _Row(name=f"{step.before} to {step.after}", metric=step.metrics[metric])
            for step in report.attribution
            if metric in step.metrics
        ]
    )


def verdict_on(report: Report, *, candidate: str, metric: str) -> Verdict:
    """The worst that the gate says of the drop of `metric`; ungated where no rule limits it."""
    said = {
        result.verdict
        for result in report.gate.results
        if result.candidate == candidate and result.rule.limits_drop and metric_of(result, report) == metric
    }
    return next((each for each in _WORST_FIRST if each in said), Verdict.ungated)


def _in_rows(rows: Sequence[_Row]) -> Drawing | None:
    said = [" ".join(drop_with_interval(row.metric)) for row in rows]
    return in_rows([row.name for row in rows], said, lambda axes: _draw(axes, rows)) if rows else None


def _draw(axes: Axes, rows: Sequence[_Row]) -> None:
    low, high = _bounds(rows)
    axes.set_xlim(low, high)
    limits = ", dashed is the limit" if any(row.limit is not None for row in rows) else ""
    knows = any(row.metric.higher_is_better is not None for row in rows)
    axes.set_xlabel(f"drop: right of zero is worse{limits}" if knows else "reference minus candidate")
    axes.locator_params(axis="x", nbins=5)
    for place, row in enumerate(rows):
        axes.plot([0, 0], [-0.24 - place, 0.2 - place], color=THEME["line"], zorder=0)
        if row.limit is not None and can_be_drawn(row.limit):
            axes.plot([row.limit] * 2, [-0.24 - place, 0.2 - place], color=THEME["red"], linestyle=(0, (2, 1.5)))
        if can_be_drawn(row.metric.drop):
            _draw_drop(axes, row, -place)


def _draw_drop(axes: Axes, row: _Row, y: float) -> None:
    low, high = axes.get_xlim()
    marker, colour = MARKS[row.verdict]
    ends = [end for end in (row.metric.drop_low, row.metric.drop_high) if end is not None and can_be_drawn(end)]
    if len(ends) > 1:
        style = "solid" if row.metric.trusted else "dotted"
        axes.plot(ends, [y, y], color=colour, linewidth=2, linestyle=style)
    if low <= row.metric.drop <= high:
        axes.plot(row.metric.drop, y, marker, color=colour, markersize=7)
    else:
        edge, arrow = (high, ">") if row.metric.drop > high else (low, "<")
        axes.plot(edge, y, arrow, color=colour, markersize=9, clip_on=False)


def _bounds(rows: Sequence[_Row]) -> tuple[float, float]:
    """From where to where drops are shown."""
    numbers = [0.0, *(each for row in rows for each in row.numbers)]
    limits = [abs(row.limit) for row in rows if row.limit and can_be_drawn(row.limit)]
    low, high = min(numbers), max(numbers)
    if limits:
        reach = _REACH * max(limits)
        low, high = max(low, -reach), min(high, reach)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin
