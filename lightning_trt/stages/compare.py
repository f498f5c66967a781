"""Station *compare*: from paired scores to drops with intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Attribution, Bootstrap, MetricReport
from lightning_trt.inference import with_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lightning_trt.artifacts import MetricScores, Scores

__all__ = ["attribution", "compare"]


def compare(scores: Scores, *, alpha: float) -> Mapping[str, Mapping[str, MetricReport]]:
    """The report of each metric of each candidate that has scores: candidate, then metric.

    A drop is positive where the candidate is worse, and reference minus candidate where nothing tells the direction.
    `alpha` is the error rate of each end of an interval.

    Example:
        >>> from lightning_trt.artifacts import MetricScores, PairedBinary, Scores
        >>> from lightning_trt.stages.compare import compare
        >>> accuracy = MetricScores(
        ...     reference=0.93, candidates={"int8": 0.92}, higher_is_better=True, in_unit_interval=True,
        ...     evidence={"int8": PairedBinary(n=1000, worse=14, better=4)}, why_not={})
        >>> scores = Scores(metrics={"val/acc": accuracy}, samples=1000, digest="", indices=None, failures={})
        >>> report = compare(scores, alpha=0.025)["int8"]["val/acc"]
        >>> [round(number, 4) for number in (report.drop_low, report.drop, report.drop_high)]
        [0.0018, 0.01, 0.0198]
    """
    names = dict.fromkeys(name for metric in scores.metrics.values() for name in metric.candidates)
    return {
        name: {
            metric: _report(its_scores, name, alpha)
            for metric, its_scores in scores.metrics.items()
            if name in its_scores.candidates
        }
        for name in names
        if name not in scores.failures
    }


def attribution(
    scores: Scores, steps: Sequence[tuple[str, str]], *, reference: str, alpha: float
) -> tuple[Attribution, ...]:
    """What is lost in each of `steps`, of which both ends have scores; `reference` is the name of the reference.

    The resamples of a step are those of its two candidates, and so are left out of its evidence.
    """
    measured = {name for metric in scores.metrics.values() for name in metric.candidates} - scores.failures.keys()
    return tuple(
        Attribution(
            before=before,
            after=after,
            metrics={
                name: _slim(_report(metric, after, alpha, before=None if before == reference else before))
                for name, metric in scores.metrics.items()
                if after in metric.candidates and (before == reference or before in metric.candidates)
            },
        )
        for before, after in steps
        if {before, after} <= measured | {reference}
    )


def _report(scores: MetricScores, candidate: str, alpha: float, *, before: str | None = None) -> MetricReport:
    """The report of a candidate against the reference, or against the candidate `before`."""
    value = scores.candidates[candidate]
    started = scores.reference if before is None else scores.candidates[before]
    evidence = scores.evidence.get(candidate) if before is None else scores.between.get((before, candidate))
    sign = -1.0 if scores.higher_is_better is False else 1.0
    bare = MetricReport(
        value=value,
        # Zero is added so that no drop is -0.0.
        drop=sign * (started - value) + 0.0,
        drop_low=None,
        drop_high=None,
        confidence=1 - 2 * alpha,
        higher_is_better=scores.higher_is_better,
        trusted=False,
        why_not=scores.why_not.get(candidate) or (None if before is None else scores.why_not.get(before)),
        evidence=evidence,
        in_unit_interval=scores.in_unit_interval,
        flips=scores.flips.get(candidate) if before is None else None,
    )
    return with_interval(bare, alpha=alpha)


def _slim(metric: MetricReport) -> MetricReport:
    evidence = metric.evidence
    slim = replace(evidence, reference=(), candidate=()) if isinstance(evidence, Bootstrap) else evidence
    return replace(metric, evidence=slim, flips=None)
