"""Station *compare*: from paired scores to drops with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.artifacts import MetricReport
from lightning_trt.inference import with_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_trt.artifacts import MetricScores, Scores

__all__ = ["compare"]


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


def _report(scores: MetricScores, candidate: str, alpha: float) -> MetricReport:
    value = scores.candidates[candidate]
    sign = -1.0 if scores.higher_is_better is False else 1.0
    bare = MetricReport(
        value=value,
        # Zero is added so that no drop is -0.0.
        drop=sign * (scores.reference - value) + 0.0,
        drop_low=None,
        drop_high=None,
        confidence=1 - 2 * alpha,
        higher_is_better=scores.higher_is_better,
        trusted=False,
        why_not=scores.why_not.get(candidate),
        evidence=scores.evidence.get(candidate),
        in_unit_interval=scores.in_unit_interval,
    )
    return with_interval(bare, alpha=alpha)
