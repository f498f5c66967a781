"""Several candidates share one error rate."""

from __future__ import annotations

import numpy as np
import pytest
from stages.gate.reports import accuracy, broken, candidate, loss, report_of

from lightning_trt.artifacts import Report, Rule, Verdict
from lightning_trt.inference import ScoreTest
from lightning_trt.settings import GateSettings
from lightning_trt.stages.gate import gate

# Passes alone with p = 0.017, and not as one of two.
CLOSE = accuracy(3, 0)
P_CLOSE = ScoreTest(n=1000, worse=3, better=0).p_at_least(0.01)


def run_of(*names: str, digest: str = "9d3f") -> Report:
    """A run of candidates that all are close to the limit."""
    return report_of(*(candidate(name, CLOSE) for name in names), digest=digest)


def verdicts(*reports: Report) -> list[Verdict]:
    """The verdicts of all candidates of one call."""
    return [each.verdict for report in gate(reports) for each in report.candidates.values()]


def test_close_candidate_passes_alone() -> None:
    """The premise of the other tests."""
    assert verdicts(run_of("fp16")) == [Verdict.passed]


def test_candidates_are_corrected_for_each_other() -> None:
    """Two that each pass alone are not both sure enough."""
    assert verdicts(run_of("fp16", "int8")) == [Verdict.inconclusive, Verdict.inconclusive]


def test_reason_names_the_correction() -> None:
    """The interval alone would say otherwise."""
    (report,) = gate([run_of("fp16", "int8")])

    assert (
        "within the limit 0.0100 on its own, but not surely enough among the 2" in report.candidates["fp16"].reasons[0]
    )


def test_p_value_is_adjusted() -> None:
    """So that it can be held against alpha."""
    (report,) = gate([run_of("fp16", "int8")])

    assert [result.p_value for result in report.gate.results] == pytest.approx([2 * P_CLOSE] * 2)


def test_runs_on_the_same_samples_are_one_family() -> None:
    """A sweep of single exports is corrected like one export of many."""
    assert verdicts(run_of("fp16"), run_of("fp16")) == [Verdict.inconclusive, Verdict.inconclusive]


def test_runs_on_other_samples_are_another_family() -> None:
    """What was measured on other data is no second try."""
    assert verdicts(run_of("fp16"), run_of("fp16", digest="77aa")) == [Verdict.passed, Verdict.passed]


def test_sure_candidate_helps_the_others() -> None:
    """Holm: what is decided no longer counts for the rest."""
    report = report_of(candidate("fp32", accuracy(0, n=100_000)), candidate("fp16", CLOSE))

    assert verdicts(report) == [Verdict.passed, Verdict.passed]


def test_broken_candidate_costs_the_others_nothing() -> None:
    """Nothing is claimed of it."""
    report = report_of(broken("bf16"), candidate("fp16", CLOSE))

    assert verdicts(report) == [Verdict.error, Verdict.passed]


def test_rules_of_one_candidate_are_not_corrected_for_each_other() -> None:
    """To pass all of them is harder already."""
    rules = (Rule(max_drop=0.01), Rule(max_drop=0.011), Rule(max_drop=0.5))

    (report,) = gate([run_of("fp16")], settings=GateSettings(rules=rules))

    assert [result.verdict for result in report.gate.results] == [Verdict.passed] * 3


def test_fails_are_corrected_too() -> None:
    """Two that each fail alone are not both surely beyond the limit."""
    bad = accuracy(17)

    assert verdicts(report_of(candidate("fp16", bad))) == [Verdict.failed]
    assert verdicts(report_of(candidate("fp16", bad), candidate("int8", bad))) == [Verdict.inconclusive] * 2


def test_fails_by_several_rules_are_corrected() -> None:
    """Any one of them would fail the candidate, so each has to be surer."""
    rules = (Rule(max_drop=0.01), Rule(metric="val/acc", max_drop=0.01))

    (report,) = gate([report_of(candidate("fp16", accuracy(17)))], settings=GateSettings(rules=rules))

    assert report.verdict is Verdict.inconclusive


def test_candidates_that_cannot_be_tested_still_count() -> None:
    """Whether there is enough evidence is known only from the data."""
    report = report_of(candidate("fp16", CLOSE), candidate("int8", {"val/acc": loss(0.0)}))

    (found,) = gate([report], settings=GateSettings(max_drop=0.01))

    assert found.candidates["fp16"].verdict is Verdict.inconclusive


@pytest.mark.parametrize(("true_drop", "wrong"), [(0.01, Verdict.passed), (0.00999, Verdict.failed)])
def test_any_wrong_verdict_is_as_rare_as_alpha(true_drop: float, wrong: Verdict) -> None:
    """Of 300 runs of three candidates at the limit at most alpha have any wrong verdict, give or take three errors."""
    shares = [true_drop + 0.01, 0.01, 1 - true_drop - 0.02]
    counts = np.random.default_rng(0).multinomial(2000, shares, size=(300, 3)).tolist()

    num_wrong = sum(
        any(
            verdict is wrong
            for verdict in verdicts(
                report_of(*(candidate(str(i), accuracy(w, b, n=2000)) for i, (w, b, _) in enumerate(run)))
            )
        )
        for run in counts
    )

    assert num_wrong / 300 <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 300)


def test_order_of_candidates_does_not_matter() -> None:
    """The same candidates in another order have the same verdicts and p-values."""
    listed = [candidate(str(worse), accuracy(worse)) for worse in (0, 2, 3, 8, 40)]

    (forwards,) = gate([report_of(*listed)])
    (backwards,) = gate([report_of(*listed[::-1])])

    assert {result.candidate: result for result in forwards.gate.results} == {
        result.candidate: result for result in backwards.gate.results
    }
