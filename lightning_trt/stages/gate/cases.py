"""One rule on one candidate: what there is to judge, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Verdict
from lightning_trt.inference import drop_test, holm
from lightning_trt.stages.gate.measures import found_of, is_kept, limit_of, trouble_of
from lightning_trt.stages.gate.rules import covers, metric_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_trt.artifacts import CandidateReport, MetricReport, Report, Rule

__all__ = ["Case", "Judgement", "cases_of", "is_broken", "judged"]

_NO_ENGINE = "it has no engine, or none that could be evaluated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One rule on one candidate of one run.

    `found` is what is held against the limit; `trouble` says why the case fails without. `p_above` and `p_below` are
    the p-values of "the drop is at least the limit", which has to go for a pass, and of "the drop is at most the
    limit", which has to go for a fail; a rule that limits no drop has neither.
    """

    run: int
    candidate: str
    rule: Rule
    name: str | None
    metric: MetricReport | None
    limit: float | None
    found: float | None
    trouble: str | None
    p_above: float = 1.0
    p_below: float = 1.0

    @property
    def owner(self) -> tuple[int, str]:
        """The run and the candidate: together they name what passes or fails."""
        return self.run, self.candidate

    @property
    def is_tested(self) -> bool:
        """Whether evidence decides, and not a plain number or the want of one."""
        return self.trouble is None and self.rule.limits_drop


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on a case, its adjusted p-value, and how many candidates were judged together."""

    case: Case
    verdict: Verdict
    p_value: float | None
    family_size: int


def is_broken(candidate: CandidateReport) -> bool:
    """Whether `candidate` could not be built or evaluated."""
    return candidate.path is None or candidate.verdict is Verdict.error


def cases_of(report: Report, rules: Iterable[Rule], *, run: int) -> tuple[Case, ...]:
    """A case for each rule and each candidate that it covers."""
    candidates = report.candidates.values()
    return tuple(_case(report, rule, each, run) for rule in rules for each in candidates if covers(rule, each))


def judged(cases: Sequence[Case], *, alpha: float) -> tuple[Judgement, ...]:
    """The verdicts on cases of the same samples, which share one error rate `alpha` for PASS and one for FAIL."""
    tested = [case for case in cases if case.is_tested]
    family_size = len({case.owner for case in tested})
    p_values = iter(zip(_adjusted_p_above(tested), holm([case.p_below for case in tested]), strict=True))
    # Nothing is inferred in the other cases, so they take no part in the correction.
    verdicts = [_verdict(*next(p_values), alpha) if case.is_tested else (_plain_verdict(case), None) for case in cases]
    return tuple(
        Judgement(case=case, verdict=verdict, p_value=p_value, family_size=family_size)
        for case, (verdict, p_value) in zip(cases, verdicts, strict=True)
    )


def _verdict(p_above: float, p_below: float, alpha: float) -> tuple[Verdict, float]:
    """The verdict and the p-value that it rests on."""
    if p_above <= alpha:
        return Verdict.passed, p_above
    return (Verdict.failed, p_below) if p_below <= alpha else (Verdict.inconclusive, p_above)


def _plain_verdict(case: Case) -> Verdict:
    if case.trouble is not None or case.found is None or case.limit is None:
        return Verdict.failed
    return Verdict.passed if is_kept(case.rule, found=case.found, limit=case.limit) else Verdict.failed


def _adjusted_p_above(cases: Sequence[Case]) -> list[float]:
    """Adjusted p-values of "the drop is at least the limit", each as if its rule were the only one of its candidate.

    A candidate passes where all its rules do, so its largest p-value stands for it among the candidates, uncorrected.
    """
    largest: dict[tuple[int, str], float] = {}
    for case in cases:
        largest[case.owner] = max(case.p_above, largest.get(case.owner, 0.0))
    return [_adjusted(case.owner, {**largest, case.owner: case.p_above}) for case in cases]


def _adjusted(owner: tuple[int, str], family: dict[tuple[int, str], float]) -> float:
    return dict(zip(family, holm(list(family.values())), strict=True))[owner]


def _case(report: Report, rule: Rule, candidate: CandidateReport, run: int) -> Case:
    name = None if rule.limits_time else metric_of(rule, report)
    metric = None if name is None else candidate.metrics.get(name)
    limit = limit_of(rule, report.reference.metrics.get(name or ""))
    found = None if is_broken(candidate) else found_of(rule, report, candidate, metric)
    trouble = _NO_ENGINE if is_broken(candidate) else trouble_of(rule, metric, found=found, limit=limit)
    case = Case(
        run=run,
        candidate=candidate.name,
        rule=rule,
        name=name,
        metric=metric,
        limit=limit,
        found=found,
        trouble=trouble,
    )
    if not case.is_tested or metric is None or limit is None:
        return case
    test = drop_test(metric)
    return replace(case, p_above=test.p_at_least(limit), p_below=test.p_at_most(limit))
