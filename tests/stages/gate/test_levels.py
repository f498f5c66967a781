"""Rules that limit values and times, and rules that only warn."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from stages.gate.reports import accuracy, broken, candidate, report_of

from lightning_trt.artifacts import CandidateReport, Level, Report, Rule, RuleResult, Verdict
from lightning_trt.settings import GateSettings
from lightning_trt.stages.gate import gate

PASSES, FAILS = accuracy(1, 1), accuracy(60)
CLOSE = accuracy(3, 0)  # passes alone, and not as one of two


def gated(*candidates: CandidateReport, rules: tuple[Rule, ...]) -> Report:
    """The only report of one call."""
    (report,) = gate([report_of(*candidates)], settings=GateSettings(rules=rules))
    return report


def result(one: CandidateReport, rule: Rule) -> RuleResult:
    """What `rule` says of `one`."""
    return gated(one, rules=(rule,)).gate.results[0]


@pytest.mark.parametrize(
    ("rule", "verdict", "found"),
    [
        (Rule(min=0.869), Verdict.passed, 0.87),
        (Rule(min=0.88), Verdict.failed, 0.87),
        (Rule(max=0.871), Verdict.passed, 0.87),
        (Rule(max=0.86), Verdict.failed, 0.87),
        (Rule(min_speedup=1.5), Verdict.passed, 1.5),
        (Rule(min_speedup=1.6), Verdict.failed, 1.5),
        (Rule(max_latency_ms=4), Verdict.passed, 4.0),
        (Rule(max_latency_ms=3.9), Verdict.failed, 4.0),
    ],
    ids=lambda value: str(value.limits) if isinstance(value, Rule) else "",
)
def test_plain_number_is_held_against_its_limit(rule: Rule, verdict: Verdict, found: float) -> None:
    """As it was measured: no evidence, no p-value; the limit itself is kept."""
    said = result(replace(candidate("fp16", FAILS, p50_ms=4.0), speedup=1.5), rule)

    assert (said.verdict, said.found, said.p_value) == (verdict, pytest.approx(found), None)


@pytest.mark.parametrize(
    ("one", "rule"),
    [
        pytest.param(candidate("fp16", replace(PASSES, value=math.nan)), Rule(max=1.0), id="nan"),
        pytest.param(candidate("fp16", {"val/loss": PASSES}), Rule(metric="val/acc", min=0), id="missing"),
        pytest.param(candidate("fp16", PASSES), Rule(min_speedup=0.1), id="no-speedup"),
        pytest.param(candidate("fp16", PASSES, p50_ms=None), Rule(max_latency_ms=1e9), id="not-timed"),
        pytest.param(replace(candidate("fp16", PASSES), speedup=math.nan), Rule(min_speedup=0), id="nan-speedup"),
        pytest.param(broken("fp16"), Rule(max_latency_ms=1e9), id="no-engine"),
    ],
)
def test_what_was_not_measured_fails(one: CandidateReport, rule: Rule) -> None:
    """Whatever the limit is."""
    assert result(one, rule).verdict is Verdict.failed


def test_direction_is_not_asked_where_a_value_is_limited() -> None:
    """A floor is a floor."""
    unknown = replace(PASSES, higher_is_better=None)

    assert result(candidate("fp16", unknown), Rule(min=0.5)).verdict is Verdict.passed


def test_time_needs_no_monitored_metric() -> None:
    """It belongs to none."""
    report = report_of(candidate("fp16", {"val/acc": PASSES}), monitor=None)

    (found,) = gate([report], settings=GateSettings(rules=(Rule(max_latency_ms=5),)))

    assert found.verdict is Verdict.passed


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (Rule(min=0.9), "val/acc: 0.8700, beyond the limit 0.9000."),
        (Rule(min_speedup=1.2), "speedup: 1.50x, within the limit 1.20x."),
        (Rule(max_latency_ms=3), "p50: 4.00 ms, beyond the limit 3.00 ms."),
        (Rule(max_drop=0.01, level=Level.warn), "beyond the limit 0.0100. This rule only warns."),
    ],
    ids=lambda value: str(value.limits) if isinstance(value, Rule) else "",
)
def test_reason_says_what_was_found(rule: Rule, reason: str) -> None:
    """In the units of what is limited."""
    one = replace(candidate("fp16", FAILS, p50_ms=4.0), speedup=1.5)

    assert gated(one, rules=(rule,)).candidates["fp16"].reasons[0].endswith(reason)


def test_warning_does_not_fail_its_candidate() -> None:
    """What another rule says stands."""
    report = gated(candidate("fp16", FAILS), rules=(Rule(max_drop=0.01, level=Level.warn), Rule(min=0.5)))

    assert [each.verdict for each in report.gate.results] == [Verdict.failed, Verdict.passed]
    assert (report.verdict, report.chosen) == (Verdict.passed, "fp16")


def test_warnings_alone_are_no_pass() -> None:
    """No limit could have failed the candidate."""
    report = gated(candidate("fp16", PASSES), rules=(Rule(max_drop=0.01, level=Level.warn),))

    assert (report.verdict, report.chosen) == (Verdict.ungated, None)


def test_warning_costs_the_others_nothing() -> None:
    """Adding a rule that only warns changes no verdict of those that fail."""
    others = (candidate("a", CLOSE), candidate("b", accuracy(0, n=100_000)))
    strict = Rule(max_drop=0.0001, candidates="b", level=Level.warn)

    alone, beside = (gated(*others, rules=rules) for rules in ((Rule(max_drop=0.01),), (Rule(max_drop=0.01), strict)))

    assert [each.verdict for each in beside.candidates.values()] == [each.verdict for each in alone.candidates.values()]
