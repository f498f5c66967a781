"""What a gate said, rule by rule, over several runs: the rows that all formats of a gate share."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Level, Verdict
from lightning_trt.renderers._findings import metric_of
from lightning_trt.renderers.limits import expected, limited, measured
from lightning_trt.renderers.numbers import drop_with_interval, number, sample_range, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lightning_trt.artifacts import CandidateReport, Change, MetricReport, Report, RuleResult

__all__ = ["Ruling", "headline", "rulings_of", "rulings_since", "run_names"]

_WORST_FIRST = (Verdict.error, Verdict.failed, Verdict.inconclusive, Verdict.passed, Verdict.ungated)
_CHANGED = "Find what changed since the baseline, or accept it: `lightning-trt baseline update RUN`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One rule on one candidate of one run, in words; `advice` is empty where nothing is left to do."""

    run: str
    candidate: str
    expected: str
    found: str
    interval: str
    verdict: Verdict
    level: Level
    advice: str

    @property
    def fails(self) -> bool:
        """Whether it fails its candidate, and is not only a warning."""
        return self.verdict in {Verdict.error, Verdict.failed} and self.level is Level.fail

    @property
    def word(self) -> str:
        """The verdict in a word: loud where it fails, `warn` where it would if the rule did not only warn."""
        if self.fails:
            return self.verdict.value.upper()
        return "warn" if self.verdict in {Verdict.error, Verdict.failed} else self.verdict.value

    @property
    def sentence(self) -> str:
        """What was expected, what was found, and what to do next."""
        return f"{self.candidate}: expected {self.expected}, found {self.found} {self.interval}".rstrip() + (
            f". {self.advice}" if self.advice else "."
        )


def rulings_of(reports: Sequence[Report]) -> tuple[Ruling, ...]:
    """A ruling for each result of these gated reports and each candidate without an engine, the worst first."""
    found = (ruling for name, each in zip(run_names(reports), reports, strict=True) for ruling in _of_run(each, name))
    return tuple(sorted(found, key=_badness))


def rulings_since(changes: Iterable[Change], reports: Sequence[Report]) -> tuple[Ruling, ...]:
    """A ruling for each change since a baseline, the worst first."""
    names = run_names(reports)
    return tuple(sorted((_of_change(each, names[each.run]) for each in changes), key=_badness))


def run_names(reports: Sequence[Report]) -> tuple[str, ...]:
    """What each run is called: its folder's name, or the whole path where names repeat."""
    counts = Counter(each.path.name for each in reports)
    return tuple(each.path.name if counts[each.path.name] == 1 else str(each.path) for each in reports)


def headline(rulings: Sequence[Ruling]) -> str:
    """How many rulings there are of each kind, in a sentence.

    Example:
        >>> from lightning_trt.renderers.rulings import headline
        >>> headline(())
        'No rule was applied.'
    """
    if not rulings:
        return "No rule was applied."
    counts = Counter(each.word for each in sorted(rulings, key=_badness))
    total = f"{len(rulings)} ruling{'s' * (len(rulings) > 1)}"
    return f"{total}: {', '.join(f'{count} {word}' for word, count in counts.items())}."


def _badness(ruling: Ruling) -> tuple[bool, int]:
    return not ruling.fails, _WORST_FIRST.index(ruling.verdict)


def _of_run(report: Report, name: str) -> Iterator[Ruling]:
    ruled = {result.candidate for result in report.gate.results}
    for result in report.gate.results:
        yield _of_result(result, report, name)
    for candidate in report.candidates.values():
        if candidate.verdict is Verdict.error and candidate.name not in ruled:
            yield _without_engine(candidate, name)


def _of_result(result: RuleResult, report: Report, run: str) -> Ruling:
    candidate = report.candidates[result.candidate]
    name = metric_of(result, report)
    metric = None if result.rule.limits_time or name is None else candidate.metrics.get(name)
    found, interval = _found(result, metric)
    return Ruling(
        run=run,
        candidate=result.candidate,
        expected=expected(result.rule, metric=name, limit=result.limit),
        found=found,
        interval=interval,
        # Without an engine every rule fails, and it is the engine that has to be mended.
        verdict=Verdict.error if candidate.verdict is Verdict.error else result.verdict,
        level=result.rule.level,
        advice="" if result.verdict is Verdict.passed else _advice(result, candidate, metric, report),
    )


def _found(result: RuleResult, metric: MetricReport | None) -> tuple[str, str]:
    if result.found is None:
        return "nothing", ""
    if metric is None or not result.rule.limits_drop:
        return measured(result.rule, result.found), ""
    return drop_with_interval(metric)


def _without_engine(candidate: CandidateReport, run: str) -> Ruling:
    return Ruling(
        run=run,
        candidate=candidate.name,
        expected="an engine",
        found="nothing",
        interval="",
        verdict=Verdict.error,
        level=Level.fail,
        advice=_mend(candidate),
    )


def _of_change(change: Change, run: str) -> Ruling:
    limit = change.limit
    told = (
        change.metric
        if limit is None or change.rule is None
        else expected(change.rule, metric=change.metric, limit=limit)
    )
    return Ruling(
        run=run,
        candidate=change.candidate,
        expected=f"{told} since the baseline",
        found=signed(change.drop),
        interval=f"{number(change.before)} to {number(change.value)}",
        verdict=change.verdict,
        level=Level.fail if change.rule is None else change.rule.level,
        advice=_CHANGED if change.verdict is Verdict.failed else "",
    )


def _advice(result: RuleResult, candidate: CandidateReport, metric: MetricReport | None, report: Report) -> str:
    if candidate.verdict is Verdict.error:
        return _mend(candidate)
    if result.verdict is Verdict.inconclusive:
        return _more_samples(result, metric, report)
    if result.found is None or not math.isfinite(result.found):
        what = limited(result.rule, metric_of(result, report))
        return f"No number of {what} is there to judge: export again so that it is measured, or mend what made it so."
    if result.rule.limits_time:
        return "Time it on an idle machine, take a lower precision, or ask for less."
    if candidate.precision.is_quantized:
        used = f"{report.data.calibration_samples:,} were used"
        return f"Try another calibrator or more calibration samples ({used}), or a higher precision."
    return "Take a higher precision, or another limit."


def _mend(candidate: CandidateReport) -> str:
    why = " ".join(candidate.reasons) or "No engine was built."
    return f"{why} Mend that and export again, or leave the candidate out."


def _more_samples(result: RuleResult, metric: MetricReport | None, report: Report) -> str:
    if result.samples_needed is None:
        why = "" if metric is None or metric.why_not is None else f": {metric.why_not}"
        return f"The evidence does not decide{why}. Validate on more data, or allow a larger drop."
    used = f"{report.data.samples:,} were used"
    needed = sample_range(result.samples_needed)
    return f"{needed[0].upper()}{needed[1:]} would decide ({used}): validate on more, or allow a larger drop."
