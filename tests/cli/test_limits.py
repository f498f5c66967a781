"""Limits from the command line and from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli.runs import FAILS, a_run
from stages.gate.reports import candidate

from lightning_trt.artifacts import GateReport, Rule
from lightning_trt.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def config(folder: Path, text: str) -> str:
    """A file of settings."""
    file = folder / "gate.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (["--max-drop", "0.1"], 0),
        (["--max-drop-relative", "0.1"], 0),
        (["--max-drop-relative", "0.01"], 1),
        (["--min", "0.8"], 0),
        (["--min", "0.9"], 1),
        (["--max", "0.9"], 0),
        (["--max", "0.8"], 1),
        (["--max-latency-ms", "3"], 0),
        (["--max-latency-ms", "2"], 1),
        (["--min-speedup", "1"], 1),  # not timed against the reference
        (["--max-drop", "0.1", "--min", "0.9"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_each_limit_has_a_short_form(tmp_path: Path, limits: list[str], code: int) -> None:
    """Several are several rules."""
    run = a_run(tmp_path, candidate("int8", FAILS, p50_ms=2.5))

    assert main(["gate", str(run), *limits]) == code


def test_pattern_names_the_candidates_of_the_short_forms(tmp_path: Path) -> None:
    """The others are not judged."""
    run = a_run(tmp_path, candidate("int8", FAILS), candidate("fp16", FAILS))

    assert main(["gate", str(run), "--max-drop", "0.1", "--candidates", "fp*"]) == 0


@pytest.mark.parametrize("text", ["rules: [{max_drop: 1e-1}]", "gate:\n  rules:\n  - max_drop: 0.1", "max_drop: 0.1"])
def test_file_has_the_settings_of_a_gate(tmp_path: Path, text: str) -> None:
    """As they stand in a callback's file, with or without the key `gate`; YAML's word 1e-1 is a number."""
    run = a_run(tmp_path, candidate("int8", FAILS))

    assert main(["gate", str(run), "--config", config(tmp_path, text)]) == 0


def test_limits_of_the_line_are_added_to_those_of_the_file(tmp_path: Path) -> None:
    """Both must hold."""
    run = a_run(tmp_path, candidate("int8", FAILS))

    assert main(["gate", str(run), "--config", config(tmp_path, "max_drop: 0.1"), "--min", "0.9"]) == 1


def test_a_rule_may_only_warn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told, and fails nothing."""
    text = "rules: [{max_drop: 0.01, level: warn}, {min: 0.1}]"

    assert main(["gate", str(a_run(tmp_path, candidate("int8", FAILS))), "--config", config(tmp_path, text)]) == 0
    assert "1 warn" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rules: [{max_drop: x}]", "max_drop of a gate rule is 'x'; it must be a finite number"),
        ("rules: [{max_drop: .nan}]", "is nan; it must be a finite number"),
        ("rules: [{max_dorp: 0.1}]", "Did you mean 'max_drop'"),
        ("rules: [{max_drop: 0.1, min: 0.1}]", "2 limits (max_drop, min)"),
        ("rules: [{metric: val/acc}]", "a gate rule has no limit"),
        ("rules: [{metric: val/acc, min_speedup: 1}]", "belong to no metric"),
        ("rules: [{max_drop: 0.1, candidates: [int8]}]", "each must be one text"),
        ("rules: [{max_drop: 0.1, level: wran}]", "Did you mean 'warn'"),
        ("rules: [{max_drop: 0.1, higher_is_better: up}]", "it must be true or false"),
        ("rules: {max_drop: 0.1}", "holds no gate settings"),
        ("rules: [", "cannot read"),
        ("", "holds no gate settings"),
        ("alpha: 0.7", "must lie in (0, 0.5)"),
    ],
)
def test_file_that_cannot_hold_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    """Exit code 2, and the file is named."""
    code = main(["gate", str(a_run(tmp_path)), "--config", config(tmp_path, text)])

    error = capsys.readouterr().err
    assert (code, "gate.yaml" in error, sentence in error) == (2, True, True), error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--max-drop", "nan"], "it must be a finite number"),
        (["--max-drop", "1%"], "max_drop of a gate rule is '1%'"),
        (["--alpha", "2"], "must lie in (0, 0.5)"),
        (["--candidates", "int8"], "without a limit"),
        (["--metric", "val/acc", "--min-speedup", "2"], "--metric was given without a limit on a metric"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--metric", "val/ac"], "Did you mean 'val/acc'"),
        (["--max-drop", "0.1", "--candidates", "int9"], "Did you mean 'int8'"),
        (["--max-drop", "0.1", "--metric", "val/f1"], "'val/f1', which was not logged"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_limit_that_cannot_hold_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    """Exit code 2, never a pass."""
    assert main(["gate", str(a_run(tmp_path)), *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_runs_with_different_rules_of_their_own_are_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody said which hold."""
    gates = [GateReport(alpha=0.025, rules=(Rule(max_drop=limit),), results=()) for limit in (0.1, 0.2)]
    runs = [str(a_run(tmp_path / str(index), gate=each)) for index, each in enumerate(gates)]

    assert main(["gate", *runs]) == 2
    assert "gated with different rules" in capsys.readouterr().err
