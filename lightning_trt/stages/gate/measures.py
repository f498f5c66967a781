"""What a rule holds its limit against, and whether a plain number keeps it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_trt.artifacts import CandidateReport, MetricReport, Report, Rule

__all__ = ["found_of", "is_kept", "limit_of", "trouble_of"]


def limit_of(rule: Rule, reference: float | None) -> float | None:
    """The limit in the units of what it limits; None where it is a share of nothing."""
    if rule.max_drop_relative is None:
        return next(iter(rule.limits.values()))
    return None if reference is None else rule.max_drop_relative * abs(reference)


def found_of(rule: Rule, report: Report, candidate: CandidateReport, metric: MetricReport | None) -> float | None:
    """The drop, value, speedup or median that `rule` speaks of; None where it was not measured."""
    if rule.min_speedup is not None:
        return candidate.speedup
    if rule.max_latency_ms is not None:
        return report.p50_ms(candidate.latency)
    if metric is None:
        return None
    return metric.drop if rule.limits_drop else metric.value


def trouble_of(rule: Rule, metric: MetricReport | None, *, found: float | None, limit: float | None) -> str | None:
    """Why there is nothing to judge; None where there is."""
    if rule.limits_time:
        return "it was not timed" if found is None or not math.isfinite(found) else None
    if metric is None:
        return "it was not logged with this candidate"
    if not rule.limits_drop:
        return None if math.isfinite(metric.value) else f"its value is {metric.value}, which is no number to judge"
    if not math.isfinite(metric.drop):
        return f"its value is {metric.value} and its drop {metric.drop}, which is no number to judge"
    if limit is None or math.isnan(limit):
        return "its limit is a share of the reference's value, and the reference has none"
    return None


def is_kept(rule: Rule, *, found: float, limit: float) -> bool:
    """Whether `found`, as it was measured, keeps the limit."""
    is_floor = rule.min is not None or rule.min_speedup is not None
    return found >= limit if is_floor else found <= limit
