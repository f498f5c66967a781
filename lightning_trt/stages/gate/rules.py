"""Which limits hold for a run, and whether they can."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Rule
from lightning_trt.errors import SettingsError, nearest
from lightning_trt.inference import turned, with_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lightning_trt.artifacts import CandidateReport, MetricReport, Report
    from lightning_trt.settings import GateSettings

__all__ = ["covers", "measured_at", "metric_of", "rules_of"]


def metric_of(rule: Rule, report: Report) -> str | None:
    """Name of the metric that `rule` limits in `report`; None where the run monitors none."""
    return report.checkpoint.monitor if rule.metric is None else rule.metric


def covers(rule: Rule, candidate: CandidateReport) -> bool:
    """Whether the pattern of `rule` names `candidate`."""
    return fnmatchcase(candidate.name, rule.candidates)


def rules_of(reports: Sequence[Report], settings: GateSettings) -> tuple[tuple[Rule, ...], ...]:
    """The rules that hold for each report: those of `settings`, else their default where it can be judged.

    Raises:
        SettingsError: A rule names a metric or a pattern that no report has, or a metric of unknown direction, or two
            rules contradict each other on a direction.
    """
    for rule in settings.all_rules:
        _check(rule, reports)
    if settings.all_rules:
        return (settings.all_rules,) * len(reports)
    if settings.default_max_drop is None:
        return ((),) * len(reports)
    default = Rule(metric=settings.metric, max_drop=settings.default_max_drop)
    if settings.metric is not None:
        _check_metric(default, reports)
    return tuple((default,) if _can_judge(default, report) else () for report in reports)


def measured_at(report: Report, rules: Iterable[Rule], *, alpha: float) -> Report:
    """`report` with its intervals at one-sided `alpha`, and its drops in the directions that `rules` give."""
    directions = _directions(report, rules)
    candidates = {
        name: replace(candidate, metrics=_measured(candidate.metrics, directions, alpha))
        for name, candidate in report.candidates.items()
    }
    return replace(report, candidates=candidates)


def _measured(
    metrics: Mapping[str, MetricReport], directions: Mapping[str, bool], alpha: float
) -> dict[str, MetricReport]:
    facing = {
        name: turned(metric, higher_is_better=directions[name]) if name in directions else metric
        for name, metric in metrics.items()
    }
    return {name: with_interval(metric, alpha=alpha) for name, metric in facing.items()}


def _directions(report: Report, rules: Iterable[Rule]) -> dict[str, bool]:
    directions: dict[str, bool] = {}
    for rule in rules:
        metric = metric_of(rule, report)
        if metric is None or rule.higher_is_better is None:
            continue
        if directions.setdefault(metric, rule.higher_is_better) is not rule.higher_is_better:
            raise SettingsError(
                f"two gate rules on {metric} have different higher_is_better. A metric has one direction: give it once."
            )
    return directions


def _can_judge(default: Rule, report: Report) -> bool:
    """Whether the monitored metric is known to lie in [0, 1], and which end of it is good."""
    measured = [metric for each in report.candidates.values() for metric in _named(each, metric_of(default, report))]
    return any(metric.in_unit_interval and metric.higher_is_better is not None for metric in measured)


def _named(candidate: CandidateReport, metric: str | None) -> list[MetricReport]:
    return [each for name, each in candidate.metrics.items() if name == metric]


def _check(rule: Rule, reports: Sequence[Report]) -> None:
    candidates = [each for report in reports for each in report.candidates.values()]
    if candidates and not any(covers(rule, each) for each in candidates):
        raise SettingsError(
            f"no candidate matches {rule.candidates!r} of a gate rule. "
            f"{nearest(rule.candidates, {each.name for each in candidates})}"
        )
    if not rule.limits_time:
        _check_metric(rule, reports)
    for report in reports if rule.limits_drop else ():
        _check_direction(rule, report)


def _check_metric(rule: Rule, reports: Sequence[Report]) -> None:
    known = {
        name
        for report in reports
        for metrics in (report.reference.metrics, *(each.metrics for each in report.candidates.values()))
        for name in metrics
    }
    wanted = {metric_of(rule, report) for report in reports}
    # Where nothing at all was measured, the candidates' own errors say more than this one would.
    if not known or wanted & known:
        return
    name = next((each for each in wanted if each is not None), None)
    if name is None:
        raise SettingsError(f"a gate rule names no metric, and no metric is monitored. Name one. {nearest('', known)}")
    raise SettingsError(f"a gate rule limits the metric {name!r}, which was not logged. {nearest(name, known)}")


def _check_direction(rule: Rule, report: Report) -> None:
    if rule.higher_is_better is not None:
        return
    metric = metric_of(rule, report)
    measured = [each for candidate in report.candidates.values() for each in _named(candidate, metric)]
    if any(each.higher_is_better is None for each in measured):
        raise SettingsError(
            f"a gate rule limits the drop of {metric}, and nothing tells whether high or low is better. "
            "Say higher_is_better=True or False in the rule, or let a ModelCheckpoint with a mode monitor the metric."
        )
