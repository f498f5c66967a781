"""From finished reports to verdicts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from lightning_trt.artifacts import GateReport, Level, Verdict
from lightning_trt.settings import GateSettings, OnInconclusive
from lightning_trt.stages.gate.cases import cases_of, is_broken, judged
from lightning_trt.stages.gate.findings import reason_of, result_of, why_ungated
from lightning_trt.stages.gate.rules import measured_at, rules_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_trt.artifacts import CandidateReport, Report, Rule
    from lightning_trt.stages.gate.cases import Case, Judgement

__all__ = ["gate"]

_WORST_FIRST = (Verdict.error, Verdict.failed, Verdict.inconclusive, Verdict.passed)
_RUN_IF_INCONCLUSIVE = {
    OnInconclusive.warn: Verdict.inconclusive,
    OnInconclusive.fail: Verdict.failed,
    OnInconclusive.passed: Verdict.passed,
}


def gate(reports: Sequence[Report], *, settings: GateSettings | None = None) -> tuple[Report, ...]:
    """The reports with verdicts, reasons and choices, and with intervals at the gate's alpha.

    `settings` None, or without a limit, gates the monitored metric with `default_max_drop` where it is known to lie in
    [0, 1]. Candidates that were measured on the same samples are corrected for each other, over all reports. A report
    that was gated before is judged afresh.

    Raises:
        SettingsError: A rule that cannot be applied: its metric or pattern is in no report, or its direction unknown.
    """
    settings = settings or GateSettings()
    rules = rules_of(reports, settings)
    measured = [measured_at(report, its, alpha=settings.alpha) for report, its in zip(reports, rules, strict=True)]
    cases = [
        case
        for run, (report, its) in enumerate(zip(measured, rules, strict=True))
        for case in cases_of(report, its, run=run)
    ]
    judgements = _judged_by_data(cases, measured, settings.alpha)
    return tuple(
        _gated(report, its, [each for each in judgements if each.case.run == run], settings)
        for run, (report, its) in enumerate(zip(measured, rules, strict=True))
    )


def _judged_by_data(cases: Iterable[Case], reports: Sequence[Report], alpha: float) -> list[Judgement]:
    """The judgements, after correcting those for each other that rest on the same samples."""
    families: dict[tuple[str, Level], list[Case]] = {}
    for case in cases:
        # A rule that only warns is a family apart: adding one must not change what fails.
        families.setdefault((reports[case.run].data.digest, case.rule.level), []).append(case)
    return [each for family in families.values() for each in judged(family, alpha=alpha)]


def _gated(report: Report, rules: tuple[Rule, ...], judgements: Sequence[Judgement], settings: GateSettings) -> Report:
    results = [result_of(each, samples=report.data.samples, alpha=settings.alpha) for each in judgements]
    ungated = why_ungated(report, settings.metric or report.checkpoint.monitor, has_rules=bool(rules))
    candidates = {
        name: _judged(each, [one for one in judgements if one.case.candidate == name], ungated)
        for name, each in report.candidates.items()
    }
    verdict = _worst(each.verdict for each in candidates.values())
    return replace(
        report,
        candidates=candidates,
        gate=GateReport(alpha=settings.alpha, rules=rules, results=tuple(results)),
        chosen=_fastest(report, [name for name, each in candidates.items() if each.verdict is Verdict.passed]),
        verdict=_RUN_IF_INCONCLUSIVE[settings.on_inconclusive] if verdict is Verdict.inconclusive else verdict,
    )


def _judged(candidate: CandidateReport, judgements: Sequence[Judgement], ungated: str) -> CandidateReport:
    if is_broken(candidate):
        return replace(candidate, verdict=Verdict.error, reasons=candidate.reasons or ("No engine was built.",))
    reasons = tuple(reason_of(each) for each in judgements) or (ungated,)
    verdict = _worst(each.verdict for each in judgements if each.case.rule.level is Level.fail)
    return replace(candidate, verdict=verdict, reasons=reasons)


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of `verdicts`; ungated where there is none, or none that was gated."""
    seen = set(verdicts)
    return next((verdict for verdict in _WORST_FIRST if verdict in seen), Verdict.ungated)


def _fastest(report: Report, names: Sequence[str]) -> str | None:
    """The candidate of `names` with the least median latency; the first of those that are equal, or were not timed."""

    def p50_ms(name: str) -> float:
        found = report.p50_ms(report.candidates[name].latency)
        return math.inf if found is None else found

    return min(names, key=p50_ms, default=None)
