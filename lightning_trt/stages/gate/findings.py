"""What a judgement says in the report: its result, and the sentence that it rests on."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Level, RuleResult, Verdict
from lightning_trt.inference import ScoreTest, drop_test, growth_to_decide
from lightning_trt.renderers.limits import bound, limited, measured
from lightning_trt.renderers.numbers import drop_with_interval, number

if TYPE_CHECKING:
    from lightning_trt.artifacts import MetricReport, Report
    from lightning_trt.stages.gate.cases import Judgement

__all__ = ["reason_of", "result_of", "why_ungated"]

_ONLY_WARNS = " This rule only warns."


def result_of(judgement: Judgement, *, samples: int, alpha: float) -> RuleResult:
    """The result of a rule that was judged on `samples` samples."""
    return RuleResult(
        candidate=judgement.case.candidate,
        rule=judgement.case.rule,
        limit=judgement.case.limit,
        verdict=judgement.verdict,
        p_value=judgement.p_value,
        samples_needed=_samples_needed(judgement, samples, alpha),
        found=judgement.case.found,
    )


def reason_of(judgement: Judgement) -> str:
    """The sentence that says what the verdict rests on."""
    is_warning = judgement.case.rule.level is Level.warn and judgement.verdict is not Verdict.passed
    return f"{limited(judgement.case.rule, judgement.case.name)}: {_finding(judgement)}." + _ONLY_WARNS * is_warning


def why_ungated(report: Report, metric: str | None, *, has_rules: bool) -> str:
    """The sentence for a candidate that no rule was applied to."""
    if has_rules:
        return "No rule of the gate names this candidate."
    if metric is None:
        return "No limit was applied, because no metric is monitored: name one, gate={'metric': ..., 'max_drop': ...}."
    if not any(metric in candidate.metrics for candidate in report.candidates.values()):
        return (
            f"No limit was applied, because {metric} was not logged in validation. Name a metric that was: "
            "gate={'metric': ..., 'max_drop': ...}."
        )
    return (
        "No limit was applied: the default one holds only for a metric that is known to lie in [0, 1] and whose "
        f"direction is known. For {metric} set your own: gate={{'metric': {metric!r}, 'max_drop': ...}}."
    )


def _finding(judgement: Judgement) -> str:
    case = judgement.case
    if case.trouble is not None or case.limit is None:
        return str(case.trouble)
    if case.metric is None or not case.rule.limits_drop:
        side = "within" if judgement.verdict is Verdict.passed else "beyond"
        return f"{measured(case.rule, case.found)}, {side} the limit {bound(case.rule, case.limit)}"
    drop, interval = drop_with_interval(case.metric)
    shown = drop if case.metric.drop_low is None else f"{drop} {interval}"
    return f"drop {shown}, {_said(judgement, case.metric, case.limit)}"


def _said(judgement: Judgement, metric: MetricReport, limit: float) -> str:
    if judgement.verdict is Verdict.passed:
        return f"within the limit {number(limit)}"
    if judgement.verdict is Verdict.failed:
        return f"beyond the limit {number(limit)}"
    if metric.drop_low is None or metric.drop_high is None:
        return f"cannot be held against the limit {number(limit)}: {metric.why_not}"
    if metric.drop_low <= limit < metric.drop_high:
        return f"an interval that holds the limit {number(limit)}"
    side = "within" if metric.drop_high <= limit else "beyond"
    return (
        f"{side} the limit {number(limit)} on its own, but not surely enough among the {judgement.family_size} "
        "candidates that were judged on these samples"
    )


def _errors(metric: MetricReport, limit: float) -> tuple[float, float | None]:
    """The standard error of the drop, and the one that its test would judge by at the limit, where that is another."""
    test = drop_test(metric)
    if isinstance(test, ScoreTest) and -1 < limit < 1 and test.worse + test.better > 0:
        return test.error(metric.drop), test.error(limit)
    low, high = metric.drop_low or 0.0, metric.drop_high or 0.0
    return (high - low) / (2 * NormalDist().inv_cdf((1 + metric.confidence) / 2)), None


def _samples_needed(judgement: Judgement, samples: int, alpha: float) -> tuple[int, int | None] | None:
    metric, limit = judgement.case.metric, judgement.case.limit
    if judgement.verdict is not Verdict.inconclusive or metric is None or limit is None:
        return None
    if metric.drop_low is None or metric.drop_high is None:
        return None
    error, error_at_limit = _errors(metric, limit)
    level = alpha / judgement.family_size
    least, most = growth_to_decide(metric.drop, error=error, limit=limit, alpha=level, error_at_limit=error_at_limit)
    low = max(samples + 1, math.ceil(samples * least))
    return low, None if most is None else max(low, math.ceil(samples * most))
