"""From scores to drops."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lightning_trt.artifacts import Bootstrap, Flips, MetricScores, PairedBinary, Scores
from lightning_trt.inference import ScoreTest
from lightning_trt.stages.compare import attribution, compare

ACCURACY = MetricScores(
    reference=0.93,
    candidates={"fp16": 0.93, "int8": 0.92},
    higher_is_better=True,
    in_unit_interval=True,
    evidence={"fp16": PairedBinary(n=1000, worse=1, better=1), "int8": PairedBinary(n=1000, worse=14, better=4)},
    why_not={},
)
LOSS = MetricScores(
    reference=0.20,
    candidates={"fp16": 0.20, "int8": 0.23},
    higher_is_better=False,
    in_unit_interval=False,
    evidence={},
    why_not={"fp16": "only 4 batches", "int8": "only 4 batches"},
)
SCORES = Scores(metrics={"val/acc": ACCURACY, "val/loss": LOSS}, samples=1000, digest="9d3f", indices=None, failures={})


STEPS = (("torch", "fp16"), ("fp16", "int8"), ("fp16", "absent"))


def scores_of(**metrics: MetricScores) -> Scores:
    """Scores of these metrics only."""
    return replace(SCORES, metrics=metrics)


def test_reports_every_metric_of_every_candidate() -> None:
    """Candidate, then metric."""
    reports = compare(SCORES, alpha=0.025)

    assert {name: list(metrics) for name, metrics in reports.items()} == {
        "fp16": ["val/acc", "val/loss"],
        "int8": ["val/acc", "val/loss"],
    }


@pytest.mark.parametrize(("metric", "drop"), [("val/acc", 0.01), ("val/loss", 0.03)])
def test_drop_is_positive_where_worse(metric: str, drop: float) -> None:
    """A lower accuracy and a higher loss both are drops."""
    assert compare(SCORES, alpha=0.025)["int8"][metric].drop == pytest.approx(drop)


def test_unknown_direction_takes_the_candidate_from_the_reference() -> None:
    """The direction stays unknown, and the report says so."""
    report = compare(scores_of(score=replace(ACCURACY, higher_is_better=None)), alpha=0.025)["int8"]["score"]

    assert report.drop == pytest.approx(0.01)
    assert report.higher_is_better is None
    assert "reference minus candidate" in str(report.why_not)


def test_interval_comes_from_the_evidence() -> None:
    """The score interval of the counts, at one-sided alpha."""
    report = compare(SCORES, alpha=0.05)["int8"]["val/acc"]

    assert (report.drop_low, report.drop_high) == ScoreTest(n=1000, worse=14, better=4).interval(0.05)


def test_missing_evidence_has_its_reason() -> None:
    """No interval, and what validation said."""
    report = compare(SCORES, alpha=0.025)["int8"]["val/loss"]

    assert (report.drop_low, report.trusted, report.why_not) == (None, False, "only 4 batches")


def test_equal_scores_drop_by_plain_zero() -> None:
    """Not by -0.0, which a reader would see as a sign."""
    report = compare(SCORES, alpha=0.025)["fp16"]["val/loss"]

    assert math.copysign(1.0, report.drop) == 1.0


def test_nan_is_kept_and_not_trusted() -> None:
    """A candidate whose metric is NaN has a NaN drop, without an interval, whatever was counted."""
    report = compare(scores_of(acc=replace(ACCURACY, candidates={"int8": math.nan})), alpha=0.025)["int8"]["acc"]

    assert math.isnan(report.drop)
    assert (report.drop_high, report.trusted) == (None, False)


def test_failed_candidate_has_no_report() -> None:
    """What it gave before it failed is not compared."""
    assert list(compare(replace(SCORES, failures={"int8": "SessionError"}), alpha=0.025)) == ["fp16"]


def test_metric_that_a_candidate_never_logged_is_left_out() -> None:
    """The gate will miss it."""
    loss = replace(LOSS, candidates={"fp16": 0.2})

    assert (
        "val/loss" not in compare(replace(SCORES, metrics={"val/acc": ACCURACY, "val/loss": loss}), alpha=0.025)["int8"]
    )


def test_steps_are_measured_against_their_own_start() -> None:
    """Torch to fp16 is the candidate's own drop; fp16 to int8 has its evidence from the pairs of these two."""
    between = {("fp16", "int8"): PairedBinary(n=1000, worse=12, better=2)}

    first, second = attribution(
        scores_of(acc=replace(ACCURACY, between=between)), STEPS, reference="torch", alpha=0.025
    )

    assert first.metrics["acc"] == compare(SCORES, alpha=0.025)["fp16"]["val/acc"]
    assert (second.before, second.after, second.metrics["acc"].evidence) == ("fp16", "int8", between["fp16", "int8"])
    assert second.metrics["acc"].drop == pytest.approx(0.01)


def test_step_without_evidence_says_why() -> None:
    """The reason of either candidate stands for the step."""
    (step,) = attribution(scores_of(loss=LOSS), STEPS[1:2], reference="torch", alpha=0.025)

    assert (step.metrics["loss"].drop_low, step.metrics["loss"].why_not) == (None, "only 4 batches")


def test_step_keeps_its_interval_and_no_resamples() -> None:
    """The resamples stand in the report already, with the two candidates."""
    resampled = tuple(number / 1000 for number in range(100))
    evidence = Bootstrap(unit="item", n=50, changed=40, reference=resampled, candidate=(0.0,) * 100)
    scores = scores_of(loss=replace(LOSS, between={("fp16", "int8"): evidence}, why_not={}))

    (step,) = attribution(scores, STEPS[1:2], reference="torch", alpha=0.025)

    assert step.metrics["loss"].drop_low is not None
    assert step.metrics["loss"].evidence == replace(evidence, reference=(), candidate=())


def test_turned_items_reach_the_report() -> None:
    """The flips of a candidate stand with its metric."""
    flips = Flips(p_value=0.03)

    reports = compare(scores_of(acc=replace(ACCURACY, flips={"int8": flips})), alpha=0.025)

    assert (reports["int8"]["acc"].flips, reports["fp16"]["acc"].flips) == (flips, None)
