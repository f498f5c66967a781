"""From what was measured to what can be said of a drop."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from lightning_trt.artifacts import BatchMeans, Bootstrap, PairedBinary
from lightning_trt.inference.bootstrap import PercentileTest, least_resamples
from lightning_trt.inference.changes import ChangedShareTest
from lightning_trt.inference.score import ScoreTest
from lightning_trt.inference.student import StudentTest

if TYPE_CHECKING:
    from lightning_trt.artifacts import Evidence, Flips, MetricReport

__all__ = ["FEWEST_CHANGED", "DropTest", "NoTest", "drop_test", "turned", "with_interval"]

FEWEST_CHANGED = 10
"""Units that must have changed before a bootstrap says anything; with fewer, resamples are not looked at."""

_FEWEST_UNITS = 30
_FEWEST_RANKED = 500
_MOST_SKEWED = 0.6
_NO_DIRECTION = (
    "nothing tells whether high or low is better, so the drop is reference minus candidate; "
    "say `higher_is_better` in a rule of the gate"
)


class DropTest(Protocol):
    """What evidence says of the true drop."""

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper end of the drop, each at one-sided `alpha`; infinite where there is none."""
        ...

    def p_at_least(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or more"."""
        ...

    def p_at_most(self, limit: float) -> float:
        """The p-value of "the drop is `limit` or less"."""
        ...


@dataclass(frozen=True, slots=True)
class NoTest:
    """Nothing can be said of the drop; `why_not` is the reason.

    Example:
        >>> from lightning_trt.inference import NoTest
        >>> NoTest("no evidence").p_at_least(0.01)
        1.0
    """

    why_not: str

    def interval(self, alpha: float) -> tuple[float, float]:  # noqa: ARG002 - the same at every alpha
        """Everything."""
        return -math.inf, math.inf

    def p_at_least(self, limit: float) -> float:  # noqa: ARG002 - the same for every limit
        """1: the drop may well be `limit` or more."""
        return 1.0

    def p_at_most(self, limit: float) -> float:  # noqa: ARG002 - the same for every limit
        """1: the drop may well be `limit` or less."""
        return 1.0


def drop_test(metric: MetricReport) -> DropTest:
    """The test that the evidence of `metric` allows; a `NoTest` where it allows none.

    Example:
        >>> from lightning_trt.artifacts import MetricReport, PairedBinary
        >>> from lightning_trt.inference import drop_test
        >>> drop_test(MetricReport(
        ...     value=0.91, drop=0.01, drop_low=None, drop_high=None, confidence=0.95, higher_is_better=True,
        ...     trusted=True, why_not=None, evidence=PairedBinary(n=400, worse=7, better=3)))
        ScoreTest(n=400, worse=7, better=3)
    """
    evidence = metric.evidence
    if not math.isfinite(metric.drop):
        return NoTest(f"the drop is {metric.drop}, because the metric of one side is not finite")
    if isinstance(evidence, Bootstrap):
        return _bootstrap_test(evidence, metric)
    if isinstance(evidence, BatchMeans):
        return _batch_test(evidence)
    if evidence is None:
        return NoTest(metric.why_not or "no evidence was recorded")
    if evidence.n < 1:
        return NoTest("no item was recorded")
    return ScoreTest(n=evidence.n, worse=evidence.worse, better=evidence.better)


def with_interval(metric: MetricReport, *, alpha: float) -> MetricReport:
    """`metric` with the interval that its evidence gives at one-sided `alpha`, and whether that can be trusted.

    Example:
        >>> from lightning_trt.artifacts import MetricReport, PairedBinary
        >>> from lightning_trt.inference import with_interval
        >>> bare = MetricReport(
        ...     value=0.91, drop=0.01, drop_low=None, drop_high=None, confidence=0.95, higher_is_better=True,
        ...     trusted=False, why_not=None, evidence=PairedBinary(n=400, worse=7, better=3))
        >>> round(with_interval(bare, alpha=0.025).drop_high, 4)
        0.0292
    """
    test = drop_test(metric)
    low, high = test.interval(alpha)
    has_ends = math.isfinite(low) and math.isfinite(high)
    why_not = _why_no_ends(test, alpha) if not has_ends else _NO_DIRECTION if metric.higher_is_better is None else None
    return replace(
        metric,
        drop_low=low if has_ends else None,
        drop_high=high if has_ends else None,
        confidence=1 - 2 * alpha,
        trusted=why_not is None,
        why_not=why_not,
    )


def turned(metric: MetricReport, *, higher_is_better: bool) -> MetricReport:
    """`metric` with its drop and evidence as they are where `higher_is_better`; its interval is not touched.

    Example:
        >>> from lightning_trt.artifacts import MetricReport, PairedBinary
        >>> from lightning_trt.inference import turned
        >>> metric = MetricReport(
        ...     value=0.91, drop=0.01, drop_low=None, drop_high=None, confidence=0.95, higher_is_better=True,
        ...     trusted=False, why_not=None, evidence=PairedBinary(n=400, worse=7, better=3))
        >>> turned(metric, higher_is_better=False).evidence
        PairedBinary(n=400, worse=3, better=7)
    """
    # An unknown direction is recorded as if high were better: reference minus candidate.
    if higher_is_better == (metric.higher_is_better is not False):
        return replace(metric, higher_is_better=higher_is_better)
    flips = metric.flips
    return replace(
        metric,
        higher_is_better=higher_is_better,
        drop=-metric.drop,
        evidence=_swapped(metric.evidence),
        flips=None if flips is None else _turned_flips(flips),
    )


def _turned_flips(flips: Flips) -> Flips:
    return replace(
        flips,
        worse_items=flips.better_items,
        better_items=flips.worse_items,
        by_class=tuple(replace(each, worse=each.better, better=each.worse) for each in flips.by_class),
    )


def _swapped(evidence: Evidence | None) -> Evidence | None:
    if isinstance(evidence, PairedBinary):
        return replace(evidence, worse=evidence.better, better=evidence.worse)
    if isinstance(evidence, BatchMeans):
        return replace(evidence, mean=-evidence.mean, skewness=-evidence.skewness)
    return evidence


def _bootstrap_test(evidence: Bootstrap, metric: MetricReport) -> DropTest:
    sign = -1.0 if metric.higher_is_better is False else 1.0
    pairs = zip(evidence.reference, evidence.candidate, strict=True)
    drops = tuple(sign * (reference - candidate) for reference, candidate in pairs)
    why_not = _why_no_bootstrap(evidence, drops)
    if why_not is None:
        rarer = evidence.changed if evidence.changed_rarer is None else evidence.changed_rarer
        return PercentileTest(drops=drops, changed=min(evidence.changed, rarer))
    if evidence.is_mean and metric.in_unit_interval and evidence.n > 0:
        return ChangedShareTest(n=evidence.n, changed=evidence.changed)
    return NoTest(why_not)


def _why_no_bootstrap(evidence: Bootstrap, drops: tuple[float, ...]) -> str | None:
    units = "batches" if evidence.unit == "batch" else f"{evidence.unit}s"
    # Two nearly identical engines would have the interval [0, 0] at any number of samples.
    if evidence.changed < FEWEST_CHANGED or evidence.n < _FEWEST_UNITS:
        return (
            f"{evidence.changed} of {evidence.n} {units} changed, too little for a bootstrap "
            f"(at least {FEWEST_CHANGED} of {_FEWEST_UNITS}); validate on more data"
        )
    # Simulated: of 50 images a PASS is false 18 % of the time, because what is lost need not be seen at all.
    if not evidence.is_additive and evidence.n < _FEWEST_RANKED:
        return (
            f"{evidence.n} {units} are too few for a metric that ranks or matches all of them (at least "
            f"{_FEWEST_RANKED}); validate on more data"
        )
    if evidence.changed_rarer is not None and evidence.changed_rarer < _FEWEST_UNITS:
        return (
            f"{evidence.changed_rarer} {units} of one of the two classes changed, too little for a metric that ranks "
            f"one class against the other (at least {_FEWEST_UNITS}); validate on more data of that class"
        )
    if len(drops) > 1 and len(set(drops)) == 1:
        return f"the drop is the same on all {len(drops)} resamples, which tells nothing of how far it may vary"
    return None


def _batch_test(evidence: BatchMeans) -> DropTest:
    if evidence.n < _FEWEST_UNITS:
        return NoTest(
            f"{evidence.n} batches are too few for an interval from their means (at least {_FEWEST_UNITS}); "
            "validate on more or smaller batches, or log a torchmetrics Metric"
        )
    if not all(map(math.isfinite, (evidence.mean, evidence.deviation, evidence.skewness))):
        return NoTest("the drop is not finite in every batch")
    if evidence.deviation <= 0:
        return NoTest(f"the drop is the same in all {evidence.n} batches, which tells nothing of how far it may vary")
    if abs(evidence.skewness) / math.sqrt(evidence.n) > _MOST_SKEWED:
        # Simulated: where so few batches moved even the corrected test says PASS falsely up to 9 % of the time.
        return NoTest(
            f"the drop moved in few of the {evidence.n} batches, and mostly one way, which tells too little of how far "
            "it may vary; validate on more data, or log a torchmetrics Metric"
        )
    return StudentTest(n=evidence.n, mean=evidence.mean, deviation=evidence.deviation, skewness=evidence.skewness)


def _why_no_ends(test: DropTest, alpha: float) -> str:
    if isinstance(test, NoTest):
        return test.why_not
    drops = test.drops if isinstance(test, PercentileTest) else ()
    finite = sum(math.isfinite(drop) for drop in drops)
    return (
        f"{finite} of {len(drops)} resamples have a value, too few for an interval at alpha {alpha} (at least "
        f"{least_resamples(alpha)}, and nearly all); give `bootstrap_seconds` more time, or validate on more data"
    )
