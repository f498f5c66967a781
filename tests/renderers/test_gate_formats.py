"""What a gate said, in every format: JUnit, Markdown, GitHub's commands and the terminal's lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt
from renderers.example_report import example_report

from lightning_trt.artifacts import Level, Rule, Verdict
from lightning_trt.renderers import gate_markdown, junit
from lightning_trt.renderers.gate_table import steps
from lightning_trt.renderers.github import workflow_commands
from lightning_trt.renderers.rulings import Ruling, rulings_of, run_names

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Report


def ruling(verdict: Verdict = Verdict.failed, **changes: object) -> Ruling:
    """A ruling that fails, with `changes`."""
    plain = Ruling(
        run="best",
        candidate="int8",
        expected="val/acc drop <= 0.0100",
        found="+0.0600",
        interval="[+0.0469, +0.0765]",
        verdict=verdict,
        level=Level.fail,
        advice="Try another calibrator.",
    )
    return replace(plain, **changes)


def cases(*rulings: Ruling) -> list[object]:
    """The test cases of the rulings, as another's parser reads them."""
    return [case for suite in JUnitXml.fromstring(junit.to_text(rulings).encode()) for case in suite]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (ruling(), Failure),
        (ruling(Verdict.error), Error),
        (ruling(Verdict.inconclusive), Skipped),
        (ruling(level=Level.warn), Skipped),
    ],
    ids=["fail", "error", "inconclusive", "warn"],
)
def test_junit_tells_verdicts_apart(said: Ruling, kind: type) -> None:
    """Only what fails the gate fails the test."""
    (case,) = cases(said)

    (outcome,) = case.result
    assert isinstance(outcome, kind)
    assert outcome.message == said.sentence


def test_junit_passes_in_silence() -> None:
    """With what was found among the properties."""
    (case,) = cases(ruling(Verdict.passed, advice=""))

    assert case.is_passed
    assert [each.get("value") for each in case._elem.iter("property") if each.get("name") == "found"] == ["+0.0600"]


def test_junit_names_are_unique() -> None:
    """Equal rules, other candidates and other runs: GitLab drops what repeats."""
    named = cases(ruling(), ruling(), ruling(candidate="fp16"), ruling(run="other"))

    assert len({(case.classname, case.name) for case in named}) == 4


def test_junit_leaves_out_what_no_rule_was_applied_to() -> None:
    """It is no test."""
    assert cases(ruling(Verdict.ungated)) == []


def test_junit_holds_any_name() -> None:
    """Markup is text, and what XML cannot hold is a question mark."""
    (case,) = cases(ruling(candidate="<b>\x00&"))

    assert case.classname == "lightning_trt.best.<b>?&"


def test_annotations_are_ten_at_most() -> None:
    """GitHub shows no more; the last says how many stand elsewhere."""
    lines = workflow_commands([ruling(candidate=str(index)) for index in range(12)])

    assert len(lines) == 10
    assert lines[-1] == "::warning title=lightning-trt::3 more stand in the job summary."


def test_annotation_stays_on_one_line() -> None:
    """Newlines, percents, and in the title colons and commas are escaped."""
    (line,) = workflow_commands([ruling(run="a:b,c", advice="100%\nsure")])

    assert line.startswith("::error title=lightning-trt%3A FAIL (a%3Ab%2Cc)::int8: expected")
    assert line.endswith("100%25%0Asure")


def test_annotations_are_of_what_is_not_passed() -> None:
    """An error where it fails, a warning where the data cannot tell."""
    lines = workflow_commands([ruling(), ruling(Verdict.inconclusive), ruling(Verdict.passed)])

    assert [line.split()[0] for line in lines] == ["::error", "::warning"]


def test_markdown_is_a_table_for_every_name() -> None:
    """Pipes and markup in names break no row."""
    text = gate_markdown.render([ruling(candidate="a|b <script>")], [ruling(run="since")])

    html = MarkdownIt().enable("table").render(text)

    assert html.count("<tr>") == 4
    assert "<script>" not in html


def test_markdown_keeps_to_its_room() -> None:
    """The worst stays, and a line says that there is more."""
    text = gate_markdown.render([ruling(candidate=f"c{index}") for index in range(20_000)], max_bytes=2**20 - 1)

    assert len(text.encode()) < 2**20
    assert "c0" in text
    assert "more lines stand in the file of `--markdown`" in text


def test_markdown_without_room_is_empty() -> None:
    """Where other steps filled the summary, nothing is better than a summary that is dropped whole."""
    assert gate_markdown.render([ruling()], max_bytes=10) == ""


def test_the_worst_is_the_first() -> None:
    """Errors, what fails, warnings among them last, then what is undecided."""
    verdicts = [each.verdict for each in rulings_of([example_report()])]

    assert verdicts == [Verdict.error, Verdict.inconclusive, Verdict.passed, Verdict.passed, Verdict.passed]


def test_candidate_without_an_engine_is_told_where_no_rule_names_it() -> None:
    """It fails the run, so it must be seen."""
    report = example_report()
    results = tuple(each for each in report.gate.results if each.candidate != "bf16")

    first = rulings_of([replace(report, gate=replace(report.gate, results=results))])[0]

    assert (first.candidate, first.expected, first.word) == ("bf16", "an engine", "ERROR")


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """By their whole path."""
    one, two = (replace(example_report(), path=tmp_path / name / "best") for name in ("a", "b"))

    assert run_names([one, two]) == (str(tmp_path / "a" / "best"), str(tmp_path / "b" / "best"))


def test_steps_tell_an_advice_once() -> None:
    """For all rules of a candidate that it mends."""
    assert steps([ruling(), ruling(expected="val/f1 >= 0.5")]) == (
        "FAIL int8, val/acc drop <= 0.0100, val/f1 >= 0.5: Try another calibrator.",
    )


def _with_rule(rule: Rule, **changes: object) -> Report:
    report = example_report()
    result = replace(report.gate.results[0], rule=rule, verdict=Verdict.failed, **changes)
    return replace(report, gate=replace(report.gate, results=(result,)))


def test_quantized_advice_is_of_calibration() -> None:
    """And of the number of samples that were used."""
    said = rulings_of([_with_rule(Rule(max_drop=0.01), candidate="int8-minmax", found=0.02)])

    assert "more calibration samples (512 were used)" in said[-1].advice


def test_slow_advice_is_not_of_calibration() -> None:
    """Ranges do not make an engine slow."""
    said = rulings_of([_with_rule(Rule(min_speedup=9), candidate="int8-minmax", limit=9.0, found=2.4)])

    assert [each.advice for each in said if each.candidate == "int8-minmax"] == [
        "Time it on an idle machine, take a lower precision, or ask for less."
    ]
