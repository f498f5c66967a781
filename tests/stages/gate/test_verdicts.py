"""Every verdict of the gate, what it says, and what is chosen."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from stages.gate.reports import accuracy, broken, candidate, loss, report_of

from lightning_trt.artifacts import CandidateReport, Report, Rule, Verdict
from lightning_trt.settings import GateSettings, OnInconclusive
from lightning_trt.stages.gate import gate

PASSES, FAILS, UNDECIDED = accuracy(1, 1), accuracy(60), accuracy(8)


def gated(*candidates: CandidateReport, settings: GateSettings | None = None) -> Report:
    """The only report of one call."""
    (report,) = gate([report_of(*candidates)], settings=settings)
    return report


@pytest.mark.parametrize(
    ("metric", "verdict"),
    [
        pytest.param(PASSES, Verdict.passed, id="within"),
        pytest.param(FAILS, Verdict.failed, id="beyond"),
        pytest.param(UNDECIDED, Verdict.inconclusive, id="cannot-tell"),
        pytest.param(replace(PASSES, drop=math.nan), Verdict.failed, id="nan"),
        pytest.param(replace(PASSES, drop=-math.inf), Verdict.failed, id="no-number"),
        pytest.param(replace(PASSES, evidence=None), Verdict.inconclusive, id="no-evidence"),
    ],
)
def test_default_rule_judges_the_monitored_metric(metric: object, verdict: Verdict) -> None:
    """Within 0.01, beyond it, or neither; what is no number fails."""
    report = gated(candidate("fp16", metric))

    assert (report.gate.results[0].verdict, report.candidates["fp16"].verdict, report.verdict) == (verdict,) * 3


def test_missing_metric_fails() -> None:
    """A candidate that did not log what its neighbour logged has nothing to pass with."""
    report = gated(candidate("fp16", PASSES), candidate("int8", {}))

    assert report.candidates["int8"].verdict is Verdict.failed
    assert report.candidates["int8"].reasons == ("val/acc: it was not logged with this candidate.",)


def test_candidate_without_an_engine_is_an_error() -> None:
    """Its rule failed, its reasons are those of the build, and it has no p-value."""
    report = gated(candidate("fp16", PASSES), broken("bf16"))
    result = report.gate.results[1]

    assert report.candidates["bf16"].verdict is Verdict.error
    assert report.candidates["bf16"].reasons == ("BuildError: no kernel",)
    assert (result.candidate, result.verdict, result.p_value) == ("bf16", Verdict.failed, None)


def test_engine_that_could_not_be_evaluated_is_an_error() -> None:
    """It was built, and its session failed: the verdict of the pipeline stays."""
    failed = replace(candidate("int8", PASSES), verdict=Verdict.error, reasons=("SessionError: out of memory",))

    report = gated(failed)

    assert report.candidates["int8"] == replace(failed, metrics=report.candidates["int8"].metrics)
    assert report.gate.results[0].verdict is Verdict.failed


def test_loss_is_ungated_and_says_what_to_write() -> None:
    """Nobody knows what a drop of 0.01 in a loss means."""
    (report,) = gate([report_of(candidate("fp16", {"val/loss": loss(0.0)}), monitor="val/loss")])

    assert (report.verdict, report.gate.rules, report.chosen) == (Verdict.ungated, (), None)
    assert "gate={'metric': 'val/loss', 'max_drop': ...}" in report.candidates["fp16"].reasons[0]


def test_no_monitored_metric_is_ungated() -> None:
    """The default rule has nothing to speak of."""
    (report,) = gate([report_of(candidate("fp16", PASSES), monitor=None)])

    assert report.verdict is Verdict.ungated
    assert "no metric is monitored" in report.candidates["fp16"].reasons[0]


def test_unknown_direction_is_ungated_by_default() -> None:
    """The default limit is applied only where a drop is known to be one."""
    report = gated(candidate("fp16", replace(PASSES, higher_is_better=None)))

    assert report.verdict is Verdict.ungated


def test_settings_without_a_limit_keep_the_default_one() -> None:
    """Another alpha is no other limit."""
    report = gated(candidate("fp16", PASSES), settings=GateSettings(alpha=0.05))

    assert report.gate.rules == (Rule(max_drop=0.01),)


def test_intervals_follow_the_gates_alpha() -> None:
    """The printed interval and the verdict keep to one rule."""
    metric = gated(candidate("fp16", PASSES), settings=GateSettings(alpha=0.1)).candidates["fp16"].metrics["val/acc"]

    assert metric.confidence == 0.8
    assert metric.drop_high < gated(candidate("fp16", PASSES)).candidates["fp16"].metrics["val/acc"].drop_high


@pytest.mark.parametrize(
    ("candidates", "verdict"),
    [
        pytest.param((PASSES, PASSES), Verdict.passed, id="all-pass"),
        pytest.param((PASSES, UNDECIDED), Verdict.inconclusive, id="one-undecided"),
        pytest.param((UNDECIDED, FAILS), Verdict.failed, id="one-fails"),
        pytest.param((FAILS, None), Verdict.error, id="one-broken"),
    ],
)
def test_run_is_as_good_as_its_worst_candidate(candidates: tuple[object, ...], verdict: Verdict) -> None:
    """Error, then fail, then inconclusive, then pass."""
    listed = [candidate(str(i), each) if each else broken(str(i)) for i, each in enumerate(candidates)]

    assert gated(*listed).verdict is verdict


@pytest.mark.parametrize(
    ("choice", "verdict"),
    [
        (OnInconclusive.warn, Verdict.inconclusive),
        (OnInconclusive.fail, Verdict.failed),
        (OnInconclusive.passed, Verdict.passed),
    ],
)
def test_user_decides_what_inconclusive_means(choice: OnInconclusive, verdict: Verdict) -> None:
    """For the run: the candidate stays inconclusive and is not chosen."""
    report = gated(candidate("fp16", UNDECIDED), settings=GateSettings(max_drop=0.01, on_inconclusive=choice))

    assert (report.verdict, report.candidates["fp16"].verdict, report.chosen) == (verdict, Verdict.inconclusive, None)


def test_fastest_that_passes_is_chosen() -> None:
    """By the median at the largest batch size, not the fastest of all."""
    report = gated(
        candidate("fp32", PASSES, p50_ms=8.0), candidate("fp16", PASSES, p50_ms=5.0), candidate("int8", FAILS, p50_ms=2)
    )

    assert report.chosen == "fp16"


def test_first_that_passes_is_chosen_where_nothing_was_timed() -> None:
    """In the order of the candidates."""
    report = gated(candidate("fp16", PASSES, p50_ms=None), candidate("int8", PASSES, p50_ms=None))

    assert report.chosen == "fp16"


def test_candidate_that_no_rule_names_stays_ungated() -> None:
    """It neither passes nor spoils the run."""
    settings = GateSettings(rules=(Rule(max_drop=0.01, candidates="int8*"),))

    report = gated(candidate("fp16", FAILS), candidate("int8-minmax", PASSES), settings=settings)

    assert report.candidates["fp16"].verdict is Verdict.ungated
    assert (report.verdict, report.chosen) == (Verdict.passed, "int8-minmax")


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (PASSES, "val/acc: drop 0.0000 [-0.0047, +0.0047], within the limit 0.0100."),
        (FAILS, "val/acc: drop +0.0600 [+0.0463, +0.0765], beyond the limit 0.0100."),
        (UNDECIDED, "val/acc: drop +0.0080 [+0.0032, +0.0157], an interval that holds the limit 0.0100."),
        (
            replace(PASSES, evidence=None, why_not="nothing was recorded"),
            "val/acc: drop 0.0000, cannot be held against the limit 0.0100: nothing was recorded.",
        ),
    ],
    ids=["passed", "failed", "inconclusive", "no-evidence"],
)
def test_reason_is_a_sentence(metric: object, reason: str) -> None:
    """What was measured, and how it stands to the limit."""
    assert gated(candidate("fp16", metric)).candidates["fp16"].reasons == (reason,)


def test_undecided_result_says_how_many_samples_would_decide() -> None:
    """A range above what was used."""
    low, high = gated(candidate("fp16", accuracy(12, 7))).gate.results[0].samples_needed or (0, 0)

    assert 1000 < low <= high


@pytest.mark.parametrize("metric", [PASSES, FAILS, replace(PASSES, evidence=None)])
def test_samples_needed_only_where_they_would_help(metric: object) -> None:
    """Not for a decided result, nor where there is no evidence to reckon from."""
    assert gated(candidate("fp16", metric)).gate.results[0].samples_needed is None


def test_gating_again_changes_nothing() -> None:
    """A gated report is judged as if for the first time."""
    once = gated(candidate("fp16", PASSES), candidate("int8", UNDECIDED), broken("bf16"))

    assert gate([once]) == (once,)


def test_gated_report_can_be_gated_by_other_rules() -> None:
    """The evidence in it serves every limit and alpha."""
    once = gated(candidate("int8", UNDECIDED))

    (again,) = gate([once], settings=GateSettings(max_drop=0.05))

    assert again.verdict is Verdict.passed
