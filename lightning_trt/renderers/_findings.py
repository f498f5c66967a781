"""What a report says in words: the sentences that every format shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.artifacts import Level, Verdict
from lightning_trt.renderers._shared import listed, shared
from lightning_trt.renderers.numbers import drop_with_interval, milliseconds, number, sample_range, times

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_trt.artifacts import CandidateReport, Latency, Report, RuleResult

__all__ = [
    "allowed_drop",
    "metric_names",
    "next_steps",
    "remarks",
    "summary",
    "untrusted",
]

_UNSTEADY = 3.0
"""A p99 of so many medians is more than a quiet machine's jitter; see docs/report.md."""

_SAID = {
    Verdict.passed: "Pass.",
    Verdict.ungated: "Ungated: no limit was applied.",
}
_TROUBLES = {
    Verdict.error: "{} could not be built or evaluated",
    Verdict.failed: "{} went beyond a limit, or could not be judged",
    Verdict.inconclusive: "for {} the data cannot tell whether the drop is within the limit",
}


def metric_names(report: Report) -> tuple[str, ...]:
    """Names of all metrics: the monitored one first, then those with a limit, then the rest in their order."""
    seen = [*report.reference.metrics, *(name for each in report.candidates.values() for name in each.metrics)]
    ruled = [metric_of(result, report) for result in report.gate.results]
    wanted = [report.checkpoint.monitor, *ruled]
    return tuple(dict.fromkeys([name for name in wanted if name in seen] + seen))


def metric_of(result: RuleResult, report: Report) -> str | None:
    """Name of the metric that `result` speaks of: its rule's, else the monitored one."""
    return result.rule.metric if result.rule.metric is not None else report.checkpoint.monitor


def allowed_drop(report: Report, *, candidate: str, metric: str) -> float | None:
    """The strictest limit on the drop of `metric` for `candidate`; None where there is none."""
    limits = [
        result.limit
        for result in report.gate.results
        if result.candidate == candidate and result.rule.limits_drop and result.limit is not None
        if metric_of(result, report) == metric
    ]
    return min(limits, default=None)


def summary(report: Report) -> str:
    """The verdict in one sentence, and what was chosen in another."""
    if report.verdict is Verdict.ungated and _only_warns(report):
        return "Ungated: its rules only warn."
    said = _SAID[report.verdict] if report.verdict in _SAID else f"{_word(report)}: {_troubles(report)}."
    return said if report.chosen is None else f"{said} {_chosen(report, report.candidates[report.chosen])}"


def next_steps(report: Report) -> tuple[str, ...]:
    """What to do next, most useful first; code stands between backticks."""
    return (*_load_step(report), *_samples_steps(report), *_failed_steps(report), *_ungated_step(report))


def untrusted(report: Report) -> tuple[str, ...]:
    """Why an interval is missing or marked with a question mark, one sentence for each metric and reason."""
    reasons = shared(
        (candidate.name, f"{name}: {metric.why_not}")
        for candidate in report.candidates.values()
        for name, metric in candidate.metrics.items()
        if metric.why_not is not None
    )
    return tuple(f"{names}, {reason}" for names, reason in reasons)


def remarks(report: Report) -> tuple[str, ...]:
    """What a reader should know of the numbers: unknown directions, unsteady latencies, engines that torch beats."""
    return (*filter(None, (_undirected(report), _unsteady(report))), *_not_faster(report))


def _undirected(report: Report) -> str | None:
    """A sentence on the metrics of which nothing tells whether high or low is good; None where there is none."""
    names = dict.fromkeys(
        name
        for candidate in report.candidates.values()
        for name, metric in candidate.metrics.items()
        if metric.higher_is_better is None
    )
    if not names:
        return None
    return f"{listed(list(names))}: nothing tells whether high or low is good; the drop is reference minus candidate"


def _unsteady(report: Report) -> str | None:
    """A sentence on latencies whose slow calls are far from the median, on which no speedup should rest; or None."""
    batch = report.shared_batch
    timed = [(report.reference.name, report.reference.latency)]
    timed += [(each.name, each.latency) for each in report.candidates.values()]
    ratios = [
        f"{name} {each.p99_ms / each.p50_ms:.1f} times"
        for name, latency in timed
        for each in latency
        if each.batch == batch and each.p99_ms > _UNSTEADY * each.p50_ms > 0
    ]
    if not ratios:
        return None
    return (
        f"The machine was busy while latency was measured at batch {batch}: p99 is over {_UNSTEADY:g} medians "
        f"({listed(ratios)}). Speedups are rough; measure again when nothing else runs"
    )


def _not_faster(report: Report) -> tuple[str, ...]:
    """A sentence for each batch size at which torch itself, run in one of its ways, is as fast as a candidate."""
    sizes = dict.fromkeys(each.batch for timed in report.reference.ways.values() for each in timed)
    return tuple(filter(None, (_not_faster_at(batch, report) for batch in sizes)))


def _not_faster_at(batch: int, report: Report) -> str | None:
    ways = {name: _median(timed, batch) for name, timed in report.reference.ways.items()}
    best_ms, best = min((median, name) for name, median in ways.items() if median is not None)
    candidates = {name: _median(each.latency, batch) for name, each in report.candidates.items()}
    slow = {name: median for name, median in candidates.items() if median is not None and median >= best_ms}
    if not slow:
        return None
    said = listed([f"{name} ({milliseconds(median)} ms)" for name, median in slow.items()])
    verb = "is" if len(slow) == 1 else "are"
    return f"At batch {batch} {said} {verb} not faster than {best} ({milliseconds(best_ms)} ms)"


def _median(timed: Iterable[Latency], batch: int) -> float | None:
    return next((each.p50_ms for each in timed if each.batch == batch), None)


def _word(report: Report) -> str:
    return {Verdict.failed: "Fail", Verdict.error: "Error"}.get(report.verdict, "Inconclusive")


def _troubles(report: Report) -> str:
    """What is wrong with which candidates, the worst first."""
    parts = []
    for verdict, sentence in _TROUBLES.items():
        names = [each.name for each in report.candidates.values() if each.verdict is verdict]
        if names:
            parts.append(sentence.format(listed(names)))
    if report.verdict is Verdict.failed and not any(
        each.verdict is Verdict.failed for each in report.candidates.values()
    ):
        parts.append("the gate was told to fail on that")
    return "; ".join(parts) or "see the notes"


def _chosen(report: Report, candidate: CandidateReport) -> str:
    monitor = report.checkpoint.monitor
    metric = candidate.metrics.get(monitor) if monitor is not None else None
    faster = "" if candidate.speedup is None else f", {times(candidate.speedup)} as fast as {report.reference.name}"
    if metric is None:
        return f"Chosen: {candidate.name}{faster}."
    drop, interval = drop_with_interval(metric)
    return f"Chosen: {candidate.name}{faster}; {monitor} {number(metric.value)}, drop {drop} {interval}".rstrip() + "."


def _load_step(report: Report) -> tuple[str, ...]:
    if report.chosen is None:
        return ()
    return (f"Load the chosen engine ({report.chosen}): `lightning_trt.load({str(report.path)!r})`",)


def _samples_steps(report: Report) -> tuple[str, ...]:
    used = f"{report.data.samples:,} were used"
    needs = shared(
        (result.candidate, f"inconclusive on {metric_of(result, report)}: {sample_range(result.samples_needed)}")
        for result in report.gate.results
        if result.verdict is Verdict.inconclusive and result.samples_needed is not None
    )
    advice = "Validate on more data, or allow a larger drop."
    return tuple(f"{names}, {need} would decide ({used}). {advice}" for names, need in needs)


def _failed_steps(report: Report) -> tuple[str, ...]:
    failed = [each for each in report.candidates.values() if each.verdict is Verdict.failed]
    if not any(each.precision.is_quantized and not _is_only_slow(each, report) for each in failed):
        return ()
    used = f"{report.data.calibration_samples:,} were used"
    advice = "try another calibrator, or more calibration samples"
    return (f"A quantized candidate failed: {advice} ({used}): `calibration={{'samples': ...}}`",)


def _only_warns(report: Report) -> bool:
    levels = {each.rule.level for each in report.gate.results}
    return levels == {Level.warn}


def _is_only_slow(candidate: CandidateReport, report: Report) -> bool:
    own = [each for each in report.gate.results if each.candidate == candidate.name]
    broken = [each.rule for each in own if each.verdict is Verdict.failed]
    return bool(broken) and all(rule.limits_time for rule in broken)


def _ungated_step(report: Report) -> tuple[str, ...]:
    if report.verdict is not Verdict.ungated or _only_warns(report):
        return ()
    names = metric_names(report)
    metric = names[0] if names else "val/loss"
    return (f"Set a limit: `gate={{'metric': {metric!r}, 'max_drop': ...}}`, or `'max_drop_relative': 0.01`",)
