"""A report on the terminal: a table that fits the width it is given, and a few lines to go on with.

Every verdict is a word, so that nothing is lost where there is no colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from lightning_trt.artifacts import Verdict
from lightning_trt.renderers import html
from lightning_trt.renderers._findings import (
    allowed_drop,
    metric_names,
    next_steps,
    remarks,
    summary,
    untrusted,
)
from lightning_trt.renderers._shared import shared
from lightning_trt.renderers.numbers import drop_with_interval, mebibytes, milliseconds, number, times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from lightning_trt.artifacts import CandidateReport, MetricReport, Report

__all__ = ["ReportTable", "short_summary", "table"]

_WIDE = 120
"""From this width on an interval stands beside its drop, else below it."""

_MAX_METRICS = 6
_MAX_NAME = 15
_STYLES = {
    Verdict.passed: "green",
    Verdict.failed: "bold red",
    Verdict.error: "bold red",
    Verdict.inconclusive: "yellow",
    Verdict.ungated: "dim",
}
_LOUD = {Verdict.failed: "FAIL", Verdict.error: "ERROR"}


@dataclass(frozen=True, slots=True)
class ReportTable:
    """The candidates of `report` as a table, laid out when it is printed, for the width that is there then.

    Example::

        Console().print(table(report))
    """

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table for `options.max_width`, and below it what its signs mean."""
        metrics = metric_names(self.report)[:_MAX_METRICS]
        layout = _Layout(metrics=metrics, is_wide=options.max_width >= _WIDE)
        yield _grid(self.report, layout)
        yield Text()
        for line in _legend(self.report, layout):
            yield Text(line, style="dim")


def table(report: Report) -> ReportTable:
    """`report` as something that rich prints: the reference, then every candidate with its verdict."""
    return ReportTable(report)


def short_summary(report: Report) -> tuple[str, ...]:
    """A few plain lines: the verdict, what went wrong, where the report lies, what to do next."""
    reasons = shared(
        (each.name, reason)
        for each in report.candidates.values()
        for reason in each.reasons
        if each.verdict in {Verdict.error, Verdict.failed}
    )
    troubles = [f"{names}: {reason}" for names, reason in reasons]
    steps = [step.replace("`", "") for step in next_steps(report)]
    page = "report.html" if html.why_not() is None else "report.md"
    return (summary(report), *troubles, f"Report: {report.path / page}", *steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Which metrics are shown, and whether there is room for everything on one line."""

    metrics: tuple[str, ...]
    is_wide: bool

    @property
    def is_single(self) -> bool:
        """Whether a candidate is one row, with the metric's name above its values."""
        return len(self.metrics) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One candidate: what stands once, and value and limit of each metric."""

    name: str
    metrics: tuple[tuple[str, MetricReport | float, float | None], ...]
    p50: str
    speedup: str
    size: str
    verdict: Text


def _grid(report: Report, layout: _Layout) -> Table:
    # One space between columns is all that 80 columns have room for.
    padding = (0, 2, 0, 0) if layout.is_wide else 0
    grid = Table(box=box.SIMPLE_HEAD, padding=padding, pad_edge=False, show_edge=False)
    grid.add_column("candidate" if layout.is_single else "candidate\n  metric", overflow="fold")
    for header in _number_headers(report, layout):
        grid.add_column(header, justify="right", no_wrap=True)
    grid.add_column("verdict", no_wrap=True)
    for row in (_reference_row(report, layout), *_beside_rows(report), *_candidate_rows(report, layout)):
        for cells in _lines(row, layout):
            grid.add_row(*cells)
    return grid


def _number_headers(report: Report, layout: _Layout) -> tuple[Text, ...]:
    batch = report.shared_batch
    p50 = "p50 ms" if batch is None else f"p50 ms\nbatch {batch}"
    value = _broken(layout.metrics[0]) if layout.is_single else "value"
    interval = f"{_confidence(report)} interval"
    if layout.is_wide:
        return tuple(map(Text, (value, "drop", interval, "allowed", p50, "speedup", "size")))
    return tuple(map(Text, (value, f"drop\n[{interval}]", p50, "speed\nup", "size")))


def _reference_row(report: Report, layout: _Layout) -> _Row:
    reference = report.reference
    return _Row(
        name=reference.name,
        metrics=tuple((name, reference.metrics[name], None) for name in layout.metrics if name in reference.metrics),
        p50=milliseconds(report.p50_ms(reference.latency)),
        speedup=times(1.0),
        size="",
        verdict=Text("reference", style="dim"),
    )


def _beside_rows(report: Report) -> Iterator[_Row]:
    for name, latency in report.reference.beside.items():
        yield _Row(
            name=name,
            metrics=(),
            p50=milliseconds(report.p50_ms(latency)),
            speedup=times(report.speedup(latency)),
            size="",
            verdict=Text("beside", style="dim"),
        )


def _candidate_rows(report: Report, layout: _Layout) -> Iterator[_Row]:
    for candidate in report.candidates.values():
        yield _Row(
            name=candidate.name,
            metrics=tuple(
                (name, candidate.metrics[name], allowed_drop(report, candidate=candidate.name, metric=name))
                for name in layout.metrics
                if name in candidate.metrics
            ),
            p50=milliseconds(report.p50_ms(candidate.latency)),
            speedup=times(candidate.speedup),
            size=mebibytes(candidate.bytes),
            verdict=_verdict(report, candidate),
        )


def _lines(row: _Row, layout: _Layout) -> Iterator[tuple[Text, ...]]:
    """The cells of `row`: on one line where there is one metric, else one more line for each metric."""
    name = Text(row.name if layout.is_wide else _broken(row.name))
    measured = (Text(row.p50), Text(row.speedup), Text(row.size), row.verdict)
    if layout.is_single and row.metrics:
        _, metric, limit = row.metrics[0]
        yield (name, *_numbers(metric, limit, is_wide=layout.is_wide), *measured)
        return
    yield (name, *[Text("" if row.metrics else "-")] * (4 if layout.is_wide else 2), *measured)
    for metric_name, metric, limit in row.metrics:
        yield (Text(f"  {metric_name}", style="dim"), *_numbers(metric, limit, is_wide=layout.is_wide))


def _numbers(metric: MetricReport | float, limit: float | None, *, is_wide: bool) -> list[Text]:
    """The cells of one metric: value and drop, and where it is wide interval and limit each in its own."""
    if isinstance(metric, float | int):
        return [Text(number(metric)), *[Text("")] * (3 if is_wide else 1)]
    drop, interval = drop_with_interval(metric)
    allowed = "" if limit is None else number(limit)
    if is_wide:
        return [Text(number(metric.value)), Text(drop), Text(interval), Text(allowed)]
    separator = "\n" if metric.drop_low is not None else ""
    return [Text(number(metric.value)), Text(f"{drop}{separator}{interval}".rstrip())]


def _verdict(report: Report, candidate: CandidateReport) -> Text:
    word = _LOUD.get(candidate.verdict, candidate.verdict.value)
    mark = " *" if candidate.name == report.chosen else ""
    return Text(word + mark, style=_STYLES[candidate.verdict])


def _legend(report: Report, layout: _Layout) -> Iterator[str]:
    yield "A positive drop is worse." + ("" if report.chosen is None else " *: chosen, the fastest that passes.")
    limits = _limits(report)
    if limits and not layout.is_wide:
        yield f"Allowed drop: {', '.join(limits)}."
    for line in untrusted(report):
        yield f"?: {line}."
    for sentence in remarks(report):
        yield f"{sentence}."
    num_more = len(metric_names(report)) - len(layout.metrics)
    if num_more:
        yield f"{num_more} more metrics stand in report.md."


def _limits(report: Report) -> tuple[str, ...]:
    found = {
        f"{metric} {number(limit)}"
        for metric in metric_names(report)
        for candidate in report.candidates
        if (limit := allowed_drop(report, candidate=candidate, metric=metric)) is not None
    }
    return tuple(sorted(found))


def _confidence(report: Report) -> str:
    shares = [metric.confidence for each in report.candidates.values() for metric in each.metrics.values()]
    return f"{100 * (shares[0] if shares else 0.95):g} %"


def _broken(name: str) -> str:
    """`name`, broken at its hyphens and slashes where it is too long for a narrow column."""
    lines = [""]
    for part in name.replace("-", "-\0").replace("/", "/\0").split("\0"):
        if lines[-1] and len(lines[-1] + part) > _MAX_NAME:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
