"""Several runs in one table: for the terminal, and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from lightning_trt.renderers.markdown import escape
from lightning_trt.renderers.numbers import drop_with_interval, milliseconds, number, times
from lightning_trt.renderers.rulings import run_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_trt.artifacts import CandidateReport, MetricReport, Report

__all__ = ["markdown", "table"]

_WORDS = 2
_HEADER = ("run", "candidate", "value", "drop", "interval", "p50 ms", "speedup", "verdict")


def table(reports: Sequence[Report], metric: str) -> Table:
    """The candidates of each run below its name, the reference first."""
    grid = Table(title=metric, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    grid.add_column("run\n  candidate", overflow="fold")
    for header in _HEADER[_WORDS:]:
        grid.add_column(header, justify="left" if header == "verdict" else "right", overflow="fold")
    for report, name in zip(reports, run_names(reports), strict=True):
        grid.add_row(Text(name, style="bold"))
        for candidate, *cells in _rows(report, metric):
            grid.add_row(Text(f"  {candidate}"), *map(Text, cells))
    return grid


def markdown(reports: Sequence[Report], metric: str) -> str:
    """The same as a Markdown table, below the metric's name."""
    rules = ["---" if index < _WORDS else "---:" for index, _ in enumerate(_HEADER)]
    named = zip(run_names(reports), reports, strict=True)
    rows = (tuple(map(escape, (name, *row))) for name, report in named for row in _rows(report, metric))
    lines = "\n".join(f"| {' | '.join(cells)} |" for cells in (_HEADER, rules, *rows))
    return f"## {escape(metric)}\n\n{lines}\n"


def _rows(report: Report, metric: str) -> Iterator[tuple[str, ...]]:
    reference = report.reference
    p50 = milliseconds(report.p50_ms(reference.latency))
    yield reference.name, number(reference.metrics.get(metric)), "", "", p50, times(1.0), "reference"
    for candidate in report.candidates.values():
        yield _cells(report, candidate, candidate.metrics.get(metric))


def _cells(report: Report, candidate: CandidateReport, metric: MetricReport | None) -> tuple[str, ...]:
    drop, interval = ("-", "") if metric is None else drop_with_interval(metric)
    verdict = candidate.verdict.value + (" *" if candidate.name == report.chosen else "")
    return (
        candidate.name,
        number(None if metric is None else metric.value),
        drop,
        interval,
        milliseconds(report.p50_ms(candidate.latency)),
        times(candidate.speedup),
        verdict,
    )
