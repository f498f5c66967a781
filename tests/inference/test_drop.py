"""Which evidence allows which test, and what a report says where none is allowed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lightning_trt.artifacts import BatchMeans, Bootstrap, MetricReport, PairedBinary
from lightning_trt.inference import (
    ChangedShareTest,
    NoTest,
    PercentileTest,
    ScoreTest,
    StudentTest,
    drop_test,
    turned,
    with_interval,
)

ALPHA = 0.025
METRIC = MetricReport(
    value=0.92,
    drop=0.01,
    drop_low=None,
    drop_high=None,
    confidence=0.95,
    higher_is_better=True,
    trusted=False,
    why_not=None,
    evidence=PairedBinary(n=1000, worse=14, better=4),
)
BOOTSTRAP = Bootstrap(
    unit="item",
    n=1000,
    changed=40,
    reference=tuple(0.93 + step / 10_000 for step in range(99)),
    candidate=(0.92,) * 99,
)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        pytest.param(PairedBinary(n=9, worse=1, better=0), ScoreTest, id="paired-binary"),
        pytest.param(BOOTSTRAP, PercentileTest, id="bootstrap"),
        pytest.param(replace(BOOTSTRAP, changed=10, n=30), PercentileTest, id="bootstrap-just-enough"),
        pytest.param(replace(BOOTSTRAP, changed=9), NoTest, id="bootstrap-few-changed"),
        pytest.param(replace(BOOTSTRAP, changed=12, n=29), NoTest, id="bootstrap-few-units"),
        pytest.param(replace(BOOTSTRAP, changed=9, is_mean=True), ChangedShareTest, id="bounded-mean-few-changed"),
        pytest.param(replace(BOOTSTRAP, changed=12, n=29, is_mean=True), ChangedShareTest, id="bounded-mean-few-units"),
        pytest.param(replace(BOOTSTRAP, changed=0, n=0, is_mean=True), NoTest, id="bounded-mean-of-nothing"),
        pytest.param(replace(BOOTSTRAP, is_additive=False, n=500), PercentileTest, id="ranking-just-enough"),
        pytest.param(replace(BOOTSTRAP, is_additive=False, n=499), NoTest, id="ranking-few-units"),
        pytest.param(replace(BOOTSTRAP, is_additive=False, changed_rarer=30), PercentileTest, id="ranking-two-classes"),
        pytest.param(replace(BOOTSTRAP, is_additive=False, changed_rarer=29), NoTest, id="ranking-few-of-one-class"),
        pytest.param(replace(BOOTSTRAP, reference=(0.93,) * 99), NoTest, id="bootstrap-all-equal"),
        pytest.param(BatchMeans(n=30, mean=0.01, deviation=0.02), StudentTest, id="batch-means"),
        pytest.param(BatchMeans(n=29, mean=0.01, deviation=0.02), NoTest, id="batch-means-too-few"),
        pytest.param(BatchMeans(n=50, mean=0.0, deviation=0.0), NoTest, id="batch-means-all-equal"),
        pytest.param(BatchMeans(n=50, mean=0.1, deviation=0.1, skewness=4.2), StudentTest, id="batch-means-skewed"),
        pytest.param(BatchMeans(n=50, mean=0.1, deviation=0.1, skewness=-4.3), NoTest, id="batch-means-too-skewed"),
        pytest.param(BatchMeans(n=50, mean=math.nan, deviation=0.1), NoTest, id="batch-means-nan"),
        pytest.param(PairedBinary(n=0, worse=0, better=0), NoTest, id="no-items"),
        pytest.param(None, NoTest, id="no-evidence"),
    ],
)
def test_evidence_decides_the_test(evidence: object, expected: type) -> None:
    """Each kind of evidence has its test, where there is enough of it."""
    assert isinstance(drop_test(replace(METRIC, evidence=evidence, in_unit_interval=True)), expected)


def test_mean_without_bounds_has_no_changed_share() -> None:
    """One changed loss may be any number."""
    metric = replace(METRIC, evidence=replace(BOOTSTRAP, changed=3, is_mean=True), in_unit_interval=False)

    assert isinstance(drop_test(metric), NoTest)


@pytest.mark.parametrize("drop", [math.nan, math.inf, -math.inf])
def test_drop_that_is_no_number_has_no_test(drop: float) -> None:
    """Evidence of finite parts does not help a value that is not finite."""
    assert isinstance(drop_test(replace(METRIC, drop=drop)), NoTest)


def test_report_says_how_much_a_bootstrap_asks_for() -> None:
    """The sentence has both numbers and what to do."""
    metric = with_interval(replace(METRIC, evidence=replace(BOOTSTRAP, unit="batch", changed=3)), alpha=ALPHA)

    assert metric.why_not == (
        "3 of 1000 batches changed, too little for a bootstrap (at least 10 of 30); validate on more data"
    )


def test_interval_comes_at_the_asked_confidence() -> None:
    """The confidence is that of both ends together."""
    metric = with_interval(METRIC, alpha=0.05)

    assert (metric.drop_low, metric.drop_high) == ScoreTest(n=1000, worse=14, better=4).interval(0.05)
    assert metric.confidence == 0.9


def test_interval_of_evidence_is_trusted() -> None:
    """Then there is no reason why not."""
    metric = with_interval(METRIC, alpha=ALPHA)

    assert (metric.trusted, metric.why_not) == (True, None)


def test_reason_for_missing_evidence_is_kept() -> None:
    """What validation said stays, and there is no interval."""
    metric = with_interval(replace(METRIC, evidence=None, why_not="its update keeps a moving average"), alpha=ALPHA)

    assert (metric.drop_low, metric.drop_high) == (None, None)
    assert (metric.trusted, metric.why_not) == (False, "its update keeps a moving average")


def test_too_few_resamples_say_so() -> None:
    """A budget that ran out is named with the number that was needed."""
    few = replace(BOOTSTRAP, reference=BOOTSTRAP.reference[:20], candidate=BOOTSTRAP.candidate[:20])

    metric = with_interval(replace(METRIC, evidence=few), alpha=ALPHA)

    assert metric.drop_high is None
    assert "20 of 20 resamples" in str(metric.why_not)
    assert "at least 39" in str(metric.why_not)


def test_unknown_direction_is_not_trusted_though_there_is_an_interval() -> None:
    """The sign may mean either."""
    metric = with_interval(replace(METRIC, higher_is_better=None), alpha=ALPHA)

    assert metric.drop_high is not None
    assert not metric.trusted
    assert "higher_is_better" in str(metric.why_not)


def test_lower_is_better_turns_the_resampled_drops() -> None:
    """The bootstrap keeps values of both sides, so the direction gives the sign."""
    metric = replace(METRIC, evidence=BOOTSTRAP)
    low, high = drop_test(metric).interval(ALPHA)

    assert drop_test(replace(metric, higher_is_better=False)).interval(ALPHA) == (-high, -low)


@pytest.mark.parametrize(
    "evidence",
    [PairedBinary(n=1000, worse=14, better=4), BOOTSTRAP, BatchMeans(n=40, mean=0.01, deviation=0.02, skewness=2.0)],
    ids=["paired-binary", "bootstrap", "batch-means"],
)
def test_turning_the_direction_mirrors_all(evidence: object) -> None:
    """Drop and interval change their sign together."""
    metric = with_interval(replace(METRIC, evidence=evidence), alpha=ALPHA)

    found = with_interval(turned(metric, higher_is_better=False), alpha=ALPHA)

    assert found.drop == -metric.drop
    assert (found.drop_low, found.drop_high) == pytest.approx((-metric.drop_high, -metric.drop_low))


@pytest.mark.parametrize("known", [True, None])
def test_turning_to_the_same_direction_changes_no_number(known: bool | None) -> None:  # noqa: FBT001 - a direction
    """An unknown direction is recorded as if high were better."""
    assert turned(replace(METRIC, higher_is_better=known), higher_is_better=True) == METRIC


def test_nothing_is_claimed_without_a_test() -> None:
    """No limit is passed or failed."""
    assert (NoTest("").p_at_least(1.0), NoTest("").p_at_most(-1.0)) == (1.0, 1.0)
