"""`lightning-trt gate`: exit codes, what is printed, what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli.runs import FAILS, PASSES, UNDECIDED, a_run
from junitparser import JUnitXml
from stages.gate.reports import accuracy, broken, candidate, loss

from lightning_trt.artifacts import GateReport, Rule
from lightning_trt.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import CandidateReport


@pytest.mark.parametrize(
    ("found", "code"),
    [
        pytest.param(candidate("int8", PASSES), 0, id="pass"),
        pytest.param(candidate("int8", FAILS), 1, id="fail"),
        pytest.param(candidate("int8", UNDECIDED), 0, id="inconclusive"),
        pytest.param(broken("int8"), 1, id="no-engine"),
        pytest.param(candidate("int8", {"val/acc": accuracy(0)}, p50_ms=None), 0, id="not-timed"),
    ],
)
def test_exit_code_is_the_verdict(tmp_path: Path, found: CandidateReport, code: int) -> None:
    """0 where nothing failed, 1 where something did."""
    assert main(["gate", str(a_run(tmp_path, found)), "--metric", "val/acc", "--max-drop", "0.01"]) == code


def test_no_rule_is_no_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A loss has no default limit: exit code 5, and what to write."""
    run = a_run(tmp_path, candidate("int8", {"val/loss": loss(0.0)}), monitor="val/loss")

    assert main(["gate", str(run)]) == 5
    assert "--metric NAME --max-drop X" in capsys.readouterr().out


def test_a_run_without_a_rule_beside_one_that_passes_is_no_pass(tmp_path: Path) -> None:
    """Nobody judged it, and nobody wrote rules that leave it out."""
    passes = a_run(tmp_path / "a")
    unjudged = a_run(tmp_path / "b", candidate("int8", {"val/loss": loss(0.0)}), monitor="val/loss")

    assert main(["gate", str(passes), str(unjudged)]) == 5


def test_exit_zero_is_for_failed_rules_alone(tmp_path: Path) -> None:
    """An advisory run still says where it was called wrongly."""
    run = str(a_run(tmp_path, candidate("int8", FAILS)))

    assert main(["gate", run, "--exit-zero"]) == 0
    assert main(["gate", run, "--exit-zero", "--metric", "val/ac", "--max-drop", "1"]) == 2


def test_inconclusive_may_be_told_to_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And then the last line says why it failed."""
    run = a_run(tmp_path, candidate("int8", UNDECIDED))

    assert main(["gate", str(run), "--on-inconclusive", "fail"]) == 1
    assert "Gate: FAIL, because inconclusive was told to fail." in capsys.readouterr().out


def test_a_failure_is_told_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Expected, found, interval, verdict, and what to do next."""
    main(["gate", str(a_run(tmp_path, candidate("int8", FAILS)))])
    out = capsys.readouterr().out

    row = next(line for line in out.splitlines() if line.startswith("int8"))
    assert " ".join(row.split()) == "int8 val/acc drop <= 0.0100 +0.0600 [+0.0463, +0.0765] FAIL"
    assert "FAIL int8, val/acc drop <= 0.0100: Take a higher precision, or another limit." in out


def test_an_inconclusive_rule_says_how_many_samples_would_decide(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A range, and how many there were."""
    main(["gate", str(a_run(tmp_path, candidate("int8", UNDECIDED)))])

    assert "samples would decide (1,000 were used): validate on more" in capsys.readouterr().out


def test_table_fits_eighty_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing cut off."""
    monkeypatch.setenv("COLUMNS", "80")

    main(["gate", str(a_run(tmp_path, candidate("int8-percentile", PASSES)))])
    table = capsys.readouterr().out.partition("Gate:")[0]

    assert max(map(len, table.splitlines())) <= 80
    assert {"int8-percentile", "[-0.0047,", "+0.0047]", "pass"} <= set(table.split())


def test_runs_on_the_same_samples_are_corrected_for_each_other(tmp_path: Path) -> None:
    """Two that pass alone are not sure enough together."""
    close = candidate("int8", accuracy(3, 0))
    runs = [str(a_run(tmp_path / name, close)) for name in ("a", "b")]

    alone, together = (main(["gate", *names, "--on-inconclusive", "fail"]) for names in (runs[:1], runs))

    assert (alone, together) == (0, 1)


def test_each_run_stands_below_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run of the worst ruling first."""
    main(["gate", str(a_run(tmp_path / "good")), str(a_run(tmp_path / "bad", candidate("int8", FAILS)))])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]

    assert lines.index("bad") < lines.index("good")


def test_other_samples_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs on different data are judged each for itself, and that is said."""
    main(["gate", str(a_run(tmp_path / "a")), str(a_run(tmp_path / "b", digest="77aa"))])

    assert "measured on different samples" in capsys.readouterr().out


def test_without_limits_those_of_the_run_hold(tmp_path: Path) -> None:
    """What the export was gated with, not the default."""
    own = GateReport(alpha=0.025, rules=(Rule(metric="val/acc", max_drop=0.1),), results=())

    assert main(["gate", str(a_run(tmp_path, candidate("int8", FAILS), gate=own))]) == 0


def test_the_runs_own_word_on_inconclusive_holds_too(tmp_path: Path) -> None:
    """As it stands among what the run was told."""
    own = GateReport(alpha=0.025, rules=(Rule(max_drop=0.01),), results=())
    told = {"gate": {"on_inconclusive": "fail"}}

    assert main(["gate", str(a_run(tmp_path, candidate("int8", UNDECIDED), gate=own, settings=told))]) == 1


def test_alpha_moves_interval_and_verdict(tmp_path: Path) -> None:
    """What is inconclusive at 0.025 fails where more errors are allowed."""
    run = str(a_run(tmp_path, candidate("int8", accuracy(19, 2))))

    assert main(["gate", run]) == 0
    assert main(["gate", run, "--alpha", "0.1"]) == 1


def test_junit_has_a_case_for_each_candidate_and_rule(tmp_path: Path) -> None:
    """Read back by another's parser: failure, skipped and passed."""
    run = a_run(tmp_path, candidate("a", PASSES), candidate("b", FAILS), candidate("c", UNDECIDED))

    main(["gate", str(run), "--junit", str(tmp_path / "gate.xml")])
    (suite,) = JUnitXml.fromfile(str(tmp_path / "gate.xml"))

    assert (suite.tests, suite.failures, suite.skipped) == (3, 1, 1)


def test_markdown_is_written(tmp_path: Path) -> None:
    """The same rows, for a pull request."""
    main(["gate", str(a_run(tmp_path)), "--markdown", str(tmp_path / "gate.md")])

    assert "| pass |" in (tmp_path / "gate.md").read_text(encoding="utf-8")


def test_github_gets_summary_and_annotations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary is added to what other steps wrote; the annotation names metric, interval and limit."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    main(["gate", str(a_run(tmp_path, candidate("int8", FAILS))), "--github"])

    text = summary.read_text(encoding="utf-8")
    (command,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
    assert text.startswith("before\n## lightning-trt gate: fail")
    assert "expected val/acc drop <= 0.0100, found +0.0600 [+0.0463, +0.0765]" in command


def test_github_outside_of_github_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no summary to write to."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    assert main(["gate", str(a_run(tmp_path)), "--github"]) == 2
    assert "GITHUB_STEP_SUMMARY" in capsys.readouterr().err
