"""Limits, directions and patterns, and the errors of those that cannot hold."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from stages.gate.reports import accuracy, broken, candidate, loss, report_of

from lightning_trt.artifacts import BatchMeans, Report, Rule, Verdict
from lightning_trt.errors import SettingsError
from lightning_trt.settings import GateSettings
from lightning_trt.stages.gate import gate

LOSS = replace(loss(0.001), evidence=BatchMeans(n=40, mean=0.001, deviation=0.002))


def gated(report: Report, *rules: Rule) -> Report:
    """The report of one call with these rules."""
    (found,) = gate([report], settings=GateSettings(rules=rules))
    return found


def test_short_form_gates_the_monitored_metric() -> None:
    """`max_drop` alone is a rule."""
    (report,) = gate([report_of(candidate("fp16", accuracy(1)))], settings=GateSettings(max_drop=0.02))

    assert (report.gate.results[0].limit, report.verdict) == (0.02, Verdict.passed)


def test_relative_limit_is_a_share_of_the_reference() -> None:
    """In the metric's own units."""
    report = gated(report_of(candidate("fp16", {"val/loss": LOSS})), Rule(metric="val/loss", max_drop_relative=0.01))

    assert report.gate.results[0].limit == pytest.approx(0.002)


def test_relative_limit_of_a_negative_reference_is_positive() -> None:
    """A score below zero has a magnitude too."""
    report = report_of(candidate("fp16", accuracy(1)))
    negative = replace(report, reference=replace(report.reference, metrics={"val/acc": -0.5}))

    assert gated(negative, Rule(max_drop_relative=0.02)).gate.results[0].limit == pytest.approx(0.01)


@pytest.mark.parametrize("metrics", [{"val/acc": math.nan}, {}], ids=["nan", "missing"])
def test_relative_limit_without_a_reference_fails(metrics: dict[str, float]) -> None:
    """A share of nothing is no limit to pass."""
    report = report_of(candidate("fp16", accuracy(1)))
    bare = replace(report, reference=replace(report.reference, metrics=metrics))

    assert gated(bare, Rule(max_drop_relative=0.5)).verdict is Verdict.failed


def test_all_rules_of_a_candidate_must_pass() -> None:
    """One that fails is enough."""
    report = report_of(candidate("fp16", {"val/acc": accuracy(0), "val/loss": replace(LOSS, drop=math.nan)}))

    found = gated(report, Rule(max_drop=0.02), Rule(metric="val/loss", max_drop=0.1))

    assert [result.verdict for result in found.gate.results] == [Verdict.passed, Verdict.failed]
    assert found.candidates["fp16"].verdict is Verdict.failed


def test_rules_and_results_are_written_as_given() -> None:
    """The short form first, each result with its rule."""
    rule = Rule(metric="val/loss", max_drop=0.1)
    settings = GateSettings(max_drop=0.02, rules=(rule,))

    (report,) = gate([report_of(candidate("fp16", {"val/acc": accuracy(0), "val/loss": LOSS}))], settings=settings)

    assert report.gate.rules == (Rule(max_drop=0.02), rule)
    assert tuple(result.rule for result in report.gate.results) == report.gate.rules


def test_pattern_names_candidates() -> None:
    """Shell-style, on the whole name."""
    report = report_of(*(candidate(name, accuracy(0)) for name in ("fp16", "int8-minmax", "int8-percentile")))

    found = gated(report, Rule(max_drop=0.01, candidates="int8-*"))

    assert [result.candidate for result in found.gate.results] == ["int8-minmax", "int8-percentile"]


def test_direction_of_a_rule_turns_drop_and_interval() -> None:
    """Forty more mistakes are a gain where low is good."""
    report = report_of(candidate("fp16", accuracy(40)))

    found = gated(report, Rule(max_drop=0.01, higher_is_better=False))
    metric = found.candidates["fp16"].metrics["val/acc"]

    assert (metric.drop, metric.higher_is_better, found.verdict) == (-0.04, False, Verdict.passed)
    assert metric.drop_low <= metric.drop <= metric.drop_high < 0


def test_direction_of_a_rule_makes_an_unknown_one_known() -> None:
    """Then the interval can be trusted."""
    report = report_of(candidate("fp16", replace(accuracy(0), higher_is_better=None)))

    found = gated(report, Rule(max_drop=0.01, higher_is_better=True))

    assert found.candidates["fp16"].metrics["val/acc"].trusted


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        pytest.param(Rule(metric="val/ac", max_drop=0.01), r"'val/ac'.*Did you mean 'val/acc'", id="metric"),
        pytest.param(Rule(max_drop=0.01, candidates="fp61"), r"'fp61'.*Did you mean 'fp16'", id="pattern"),
        pytest.param(Rule(metric="val/loss", max_drop=0.1), "val/loss.*whether high.*higher_is_better", id="way"),
    ],
)
def test_rule_that_cannot_be_applied_is_an_error(rule: Rule, message: str) -> None:
    """It names what was meant, or what to write."""
    unknown = replace(LOSS, higher_is_better=None)
    report = report_of(candidate("fp16", {"val/acc": accuracy(0), "val/loss": unknown}))

    with pytest.raises(SettingsError, match=message):
        gated(report, rule)


def test_rule_without_a_metric_needs_a_monitored_one() -> None:
    """Nothing says which metric it limits."""
    with pytest.raises(SettingsError, match=r"no metric is monitored.*Known: val/acc, val/loss"):
        gated(report_of(candidate("fp16", accuracy(0)), monitor=None), Rule(max_drop=0.01))


def test_metric_of_the_short_form_must_be_there() -> None:
    """Also where its limit is the default one."""
    with pytest.raises(SettingsError, match=r"'val/ac'.*Did you mean 'val/acc'"):
        gate([report_of(candidate("fp16", accuracy(0)))], settings=GateSettings(metric="val/ac"))


def test_contradicting_directions_are_an_error() -> None:
    """A metric has one direction."""
    rules = (Rule(max_drop=0.01, higher_is_better=way) for way in (True, False))

    with pytest.raises(SettingsError, match="val/acc have different higher_is_better"):
        gated(report_of(candidate("fp16", accuracy(0))), *rules)


def test_rule_on_a_run_that_measured_nothing_is_no_error() -> None:
    """Where everything broke, the candidates' own reasons say why."""
    report = report_of(broken("fp16"))
    bare = replace(report, reference=replace(report.reference, metrics={}))

    assert gated(bare, Rule(metric="val/f1", max_drop=0.01)).verdict is Verdict.error


def test_each_run_is_gated_on_its_own_monitored_metric() -> None:
    """A rule without a name follows the run."""
    by_f1 = report_of(candidate("fp16", {"val/f1": accuracy(60)}), monitor="val/f1")

    first, second = gate([report_of(candidate("fp16", accuracy(0))), by_f1])

    assert (first.verdict, second.verdict) == (Verdict.passed, Verdict.failed)
