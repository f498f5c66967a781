"""A metric against latency, with the candidates that no other beats in both (Pareto's front)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_trt.renderers._findings import allowed_drop
from lightning_trt.renderers.html.drawing import THEME, Drawing, can_be_drawn, short
from lightning_trt.renderers.html.forest import MARKS, verdict_on
from lightning_trt.renderers.numbers import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lightning_trt.artifacts import Latency, MetricReport, Report

__all__ = ["HEIGHT", "Point", "front", "named", "points", "set_up", "tradeoff"]

HEIGHT = 3.4
"""Of the figure, in inches."""

_TEXT = 0.075
"""Least distance of two names, as a share of the axes' height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The reference or a candidate: its median latency in ms and its value; `metric` is None for the reference."""

    name: str
    p50_ms: float
    value: float
    metric: MetricReport | None = None


def points(report: Report, metric: str) -> tuple[Point, ...]:
    """Everything that has `metric` and was timed at the shared batch size, the reference first."""
    reference = report.reference
    found: list[tuple[str, tuple[Latency, ...], float | None, MetricReport | None]]
    found = [(reference.name, reference.latency, reference.metrics.get(metric), None)]
    found += [
        (each.name, each.latency, each.metrics[metric].value, each.metrics[metric])
        for each in report.candidates.values()
        if metric in each.metrics
    ]
    return tuple(
        Point(name=name, p50_ms=p50_ms, value=value, metric=judged)
        for name, latency, value, judged in found
        if (p50_ms := report.p50_ms(latency)) is not None and value is not None
        if can_be_drawn(p50_ms, value) and p50_ms > 0
    )


def front(points: Sequence[Point]) -> tuple[Point, ...]:
    """Those of `points` that no other beats in latency and value both, the fastest first; none without a direction.

    Example:
        >>> from lightning_trt.artifacts import MetricReport
        >>> from lightning_trt.renderers.html.tradeoff import Point, front
        >>> accuracy = MetricReport(
        ...     value=0.92, drop=0.01, drop_low=None, drop_high=None, confidence=0.95, higher_is_better=True,
        ...     trusted=True, why_not=None, evidence=None)
        >>> found = [
        ...     Point(name=name, p50_ms=p50_ms, value=value, metric=accuracy)
        ...     for name, p50_ms, value in [("fp32", 4.0, 0.93), ("int8", 1.0, 0.92), ("tf32", 2.0, 0.90)]]
        >>> [point.name for point in front(found)]
        ['int8', 'fp32']
    """
    directions = {each.metric.higher_is_better for each in points if each.metric is not None}
    if directions not in ({True}, {False}):
        return ()
    sign = 1 if directions == {True} else -1
    kept: list[Point] = []
    for point in sorted(points, key=lambda each: (each.p50_ms, -sign * each.value)):
        if not kept or sign * point.value > sign * kept[-1].value:
            kept.append(point)
    return tuple(kept)


def tradeoff(report: Report, metric: str) -> Drawing | None:
    """`metric` against the median at the shared batch size; None where fewer than two have both."""
    found = points(report, metric)
    return Drawing(height=HEIGHT, draw=lambda figure: _draw(figure, report, metric, found)) if len(found) > 1 else None


def _draw(figure: Figure, report: Report, metric: str, found: Sequence[Point]) -> None:
    axes = set_up(figure, metric, time=f"p50 in ms, batch {report.shared_batch}")
    best = front(found)
    axes.step([each.p50_ms for each in best], [each.value for each in best], where="post", color=THEME["sky"])
    for point in found:
        _draw_point(axes, point, report, metric)
    named(axes, found, up_to_ms=max(each.p50_ms for each in found))
    _draw_limit(axes, report, metric, found)


def set_up(figure: Figure, metric: str, *, time: str) -> Axes:
    """Axes for a metric against the time of a call, which is said to be `time`."""
    axes = figure.add_subplot()
    axes.set_xlabel(time)
    axes.set_title(short(metric), loc="left", color=THEME["muted"], fontsize="medium")
    axes.grid(color=THEME["line"], linewidth=0.5, alpha=0.6)
    axes.tick_params(length=0)
    axes.locator_params(nbins=5)
    return axes


def _draw_point(axes: Axes, point: Point, report: Report, metric: str) -> None:
    if point.metric is None:
        axes.plot(point.p50_ms, point.value, "s", color=THEME["ink"], markersize=6)
        return
    marker, colour = MARKS[verdict_on(report, candidate=point.name, metric=metric)]
    axes.plot(point.p50_ms, point.value, marker, color=colour, markersize=7)
    drops = (point.metric.drop, point.metric.drop_low, point.metric.drop_high)
    if all(each is not None and can_be_drawn(each) for each in drops):
        drop, low, high = (float(each) for each in drops if each is not None)
        sign = 1 if point.metric.higher_is_better is False else -1
        ends = [point.value + sign * (end - drop) for end in (low, high)]
        axes.plot([point.p50_ms] * 2, ends, color=colour, linewidth=1.2)


def _draw_limit(axes: Axes, report: Report, metric: str, found: Sequence[Point]) -> None:
    """The value that the strictest limit still allows, where it is in sight."""
    limits = [allowed_drop(report, candidate=each.name, metric=metric) for each in found]
    limit = min((each for each in limits if each is not None), default=None)
    reference = report.reference.metrics.get(metric)
    if limit is None or reference is None or not can_be_drawn(limit, reference):
        return
    directions = {each.metric.higher_is_better for each in found if each.metric is not None}
    least = reference + limit if directions == {False} else reference - limit
    low, high = axes.get_ylim()
    if low <= least <= high:
        axes.axhline(least, color=THEME["red"], linestyle=(0, (2, 1.5)), zorder=0)
        axes.set_title(f"dashed: allowed {number(least)}", loc="right", color=THEME["red"], fontsize="small")


def named(axes: Axes, found: Sequence[Point], *, up_to_ms: float) -> None:
    """Nothing; the axes end behind `up_to_ms`, and there stands each name, at its point's height or near to it.

    A thin line leads to it from its point.
    """
    axes.set_xlim(0, up_to_ms * 1.08)
    axes.margins(y=0.12)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    heights = _apart(sorted((each.value - low) / (high - low) for each in found))
    right = axes.get_xlim()[1]
    for point, height in zip(sorted(found, key=lambda each: each.value), heights, strict=True):
        y = low + height * (high - low)
        axes.text(right * 1.04, y, short(point.name), va="center", clip_on=False)
        axes.plot(
            [point.p50_ms, right, right * 1.03],
            [point.value, y, y],
            color=THEME["line"],
            linewidth=0.7,
            clip_on=False,
            zorder=0,
        )


def _apart(heights: Sequence[float]) -> list[float]:
    """`heights`, ascending shares of the whole, moved as little as leaves `_TEXT` between them."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + _TEXT) if moved else height)
    excess = max(0.0, moved[-1] - 1.0)
    for place in reversed(range(len(moved))):
        top = moved[place + 1] - _TEXT if place + 1 < len(moved) else moved[place] - excess
        moved[place] = min(moved[place], top)
    return moved
