"""What became of the metrics since a baseline, held against the same limits as the drops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Change, Verdict
from lightning_trt.errors import SettingsError
from lightning_trt.stages.gate.measures import is_kept, limit_of
from lightning_trt.stages.gate.rules import covers, metric_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_trt.artifacts import Baseline, BaselineEntry, CandidateReport, Report, Rule

__all__ = ["since"]


def since(reports: Sequence[Report], baseline: Baseline, *, model: str | None = None) -> tuple[Change, ...]:
    """How each metric of `baseline` changed in these gated reports, with the verdict of the rules on its drop.

    A baseline keeps values and no evidence, so a change has no interval: it is what these samples say. Candidates that
    the baseline does not know are left out. `model` stands for the reports' own.

    Raises:
        SettingsError: The baseline was measured on other samples, or knows no candidate of these reports.
    """
    changes = [
        change
        for run, report in enumerate(reports)
        for candidate in report.candidates.values()
        if (entry := _entry(report, candidate, baseline, model)) is not None
        for change in _changes(entry, candidate, report, run)
    ]
    if not changes:
        known = ", ".join(sorted({f"{name} {candidate} ({backend})" for name, candidate, backend in baseline.entries}))
        raise SettingsError(
            f"the baseline knows no candidate of these runs; it has {known or 'none'}. Name the model with --model, "
            "or add them: `lightning-trt baseline update RUN`."
        )
    return tuple(changes)


def _entry(report: Report, candidate: CandidateReport, baseline: Baseline, model: str | None) -> BaselineEntry | None:
    entry = baseline.entries.get((model or report.model or "", candidate.name, candidate.backend))
    if entry is not None and entry.digest != report.data.digest:
        raise SettingsError(
            f"the baseline of {candidate.name} was measured on other samples (digest {entry.digest[:12]}, "
            f"{entry.samples:,} samples) than {report.path} ({report.data.digest[:12]}, {report.data.samples:,}), so "
            "the two cannot be compared. Validate on the same samples, or take the new ones for the baseline: "
            "`lightning-trt baseline update RUN`."
        )
    return entry


def _changes(entry: BaselineEntry, candidate: CandidateReport, report: Report, run: int) -> Iterator[Change]:
    for name, before in entry.metrics.items():
        for rule in _rules_on(name, candidate, report) or (None,):
            yield _change(rule, name, before, candidate, run)


def _rules_on(name: str, candidate: CandidateReport, report: Report) -> tuple[Rule | None, ...]:
    rules = [rule for rule in report.gate.rules if rule.limits_drop and covers(rule, candidate)]
    return tuple(rule for rule in rules if metric_of(rule, report) == name)


def _change(rule: Rule | None, name: str, before: float, candidate: CandidateReport, run: int) -> Change:
    metric = candidate.metrics.get(name)
    value = math.nan if metric is None else metric.value
    drop = value - before if metric is not None and metric.higher_is_better is False else before - value
    limit = None if rule is None else limit_of(rule, before)
    return Change(
        run=run,
        candidate=candidate.name,
        metric=name,
        before=before,
        value=value,
        drop=drop,
        rule=rule,
        limit=limit,
        verdict=_verdict(rule, drop, limit),
    )


def _verdict(rule: Rule | None, drop: float, limit: float | None) -> Verdict:
    if rule is None or limit is None:
        return Verdict.ungated
    return Verdict.passed if is_kept(rule, found=drop, limit=limit) else Verdict.failed
