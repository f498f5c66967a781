"""A report as plain numbers by name: for loggers, for a Trainer's metrics, for what a sweep optimises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_trt.artifacts import Report

__all__ = ["scalars"]


def scalars(report: Report) -> dict[str, float]:
    """Every number that a sweep or a logger may want, by the name `trt/<candidate>/...`.

    `p50_ms` is that of the largest batch size that was timed.
    """
    numbers: dict[str, float] = {}
    for name, candidate in report.candidates.items():
        for metric, each in candidate.metrics.items():
            numbers[f"trt/{name}/{metric}"] = each.value
            numbers[f"trt/{name}/drop/{metric}"] = each.drop
        if candidate.latency:
            numbers[f"trt/{name}/p50_ms"] = max(candidate.latency, key=lambda latency: latency.batch).p50_ms
    return numbers
