"""The tables that only the page has: sortable, so every row says all of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Verdict
from lightning_trt.renderers._findings import allowed_drop, metric_names
from lightning_trt.renderers._grids import Cell, Grid
from lightning_trt.renderers.html.tradeoff import front, points
from lightning_trt.renderers.numbers import drop_with_interval, mebibytes, milliseconds, number, times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_trt.artifacts import CandidateReport, MetricReport, Report

__all__ = ["SIGNS", "attribution_grid", "candidate_grid", "tradeoff_grid"]

SIGNS = {
    Verdict.passed: "\N{BLACK CIRCLE}",
    Verdict.failed: "\N{HEAVY MULTIPLICATION X}",
    Verdict.error: "\N{HEAVY MULTIPLICATION X}",
    Verdict.inconclusive: "\N{BLACK DIAMOND}",
    Verdict.ungated: "\N{WHITE CIRCLE}",
}
"""A verdict's marker in the figures, as a character."""


def candidate_grid(report: Report) -> Grid:
    """The reference and every candidate, a row for each of its metrics."""
    batch = report.shared_batch
    p50 = "p50 ms" if batch is None else f"p50 ms (batch {batch})"
    header = ("candidate", "verdict", "metric", "value", "drop", "interval", "allowed", p50, "speedup", "size")
    rows = [*_reference_rows(report), *(row for each in report.candidates.values() for row in _rows(report, each))]
    return Grid(header=header, rows=tuple(rows), num_words=3)


def tradeoff_grid(report: Report, metric: str) -> Grid | None:
    """The points of the trade-off, and whether another one beats them in both; None where there are none."""
    found = points(report, metric)
    best = front(found)
    rows = tuple(
        (
            Cell(each.name),
            Cell("" if not best else "on the front" if each in best else "beaten in both"),
            Cell(milliseconds(each.p50_ms), each.p50_ms),
            Cell(number(each.value), each.value),
        )
        for each in found
    )
    return Grid(header=("candidate", "front", "p50 ms", metric), rows=rows, num_words=2) if rows else None


def attribution_grid(report: Report) -> Grid | None:
    """What each step loses of each metric; None where no loss was taken apart."""
    rows = tuple(
        (Cell(step.before), Cell(step.after), Cell(name), *_numbers(metric))
        for step in report.attribution
        for name, metric in step.metrics.items()
    )
    return Grid(header=("from", "to", "metric", "value", "drop", "interval"), rows=rows, num_words=3) if rows else None


def _reference_rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    reference = report.reference
    p50 = report.p50_ms(reference.latency)
    for name in metric_names(report):
        value = reference.metrics.get(name)
        yield (
            Cell(reference.name),
            Cell("reference"),
            Cell(name),
            Cell(number(value), value),
            *[Cell("")] * 3,
            Cell(milliseconds(p50), p50),
            Cell(times(1.0), 1.0),
            Cell("-"),
        )
    for name, latency in reference.beside.items():
        p50, speedup = report.p50_ms(latency), report.speedup(latency)
        shown = (Cell(milliseconds(p50), p50), Cell(times(speedup), speedup), Cell("-"))
        yield (Cell(name), Cell("beside"), *[Cell("")] * 5, *shown)


def _rows(report: Report, candidate: CandidateReport) -> Iterator[tuple[Cell, ...]]:
    verdict = _verdict(report, candidate)
    p50 = report.p50_ms(candidate.latency)
    measured = (
        Cell(milliseconds(p50), p50),
        Cell(times(candidate.speedup), candidate.speedup),
        Cell(mebibytes(candidate.bytes), candidate.bytes),
    )
    if not candidate.metrics:
        yield Cell(candidate.name), verdict, Cell("-"), *[Cell("-")] * 3, Cell(""), *measured
    for name in metric_names(report):
        if name in candidate.metrics:
            limit = allowed_drop(report, candidate=candidate.name, metric=name)
            allowed = Cell("") if limit is None else Cell(number(limit), limit)
            yield Cell(candidate.name), verdict, Cell(name), *_numbers(candidate.metrics[name]), allowed, *measured


def _numbers(metric: MetricReport) -> tuple[Cell, Cell, Cell]:
    drop, interval = drop_with_interval(metric)
    upper = metric.drop_high if metric.drop_high is not None else math.nan
    return Cell(number(metric.value), metric.value), Cell(drop, metric.drop), Cell(interval, upper)


def _verdict(report: Report, candidate: CandidateReport) -> Cell:
    chosen = ", chosen" if candidate.name == report.chosen else ""
    return Cell(f"{SIGNS[candidate.verdict]} {candidate.verdict.value}{chosen}", tone=candidate.verdict)
