"""Reports that cannot be believed: a sentence and exit code 2, or a failure; never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cli.runs import a_run, edited

from lightning_trt.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


RULE = {"metric": None, "max_drop": 0.1, "max_drop_relative": None, "higher_is_better": None, "candidates": "*"}


def metric_in(document: dict[str, Any]) -> dict[str, Any]:
    """The only metric of the parsed report."""
    metric: dict[str, Any] = document["candidates"][0]["metrics"]["val/acc"]
    return metric


@pytest.mark.parametrize("command", ["gate", "report", "compare", "baseline update"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(lambda it: it.update(schema=2), "has schema 2", id="schema"),
        pytest.param(lambda it: it.pop("data"), "has no 'data'", id="field"),
        pytest.param(lambda it: metric_in(it).update(drop="0"), "a number was expected", id="type"),
        pytest.param(lambda it: metric_in(it)["evidence"].update(worse=2000), "of which 2000 got worse", id="evidence"),
    ],
)
def test_edited_report_is_a_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    change: Callable[[dict[str, Any]], object],
    sentence: str,
) -> None:
    """Which says what was found and what was expected."""
    run = edited(a_run(tmp_path), change)

    assert main([*command.split(), str(run)]) == 2
    assert sentence in capsys.readouterr().err


def test_digest_that_was_copied_from_another_run_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same samples would be as many: edited so, two runs are not judged as one family."""
    run = a_run(tmp_path / "a")
    other = edited(a_run(tmp_path / "b"), lambda it: it["data"].update(samples=1001))

    assert main(["gate", str(run), str(other), "--max-drop", "0.5"]) == 2
    assert "1,000 and 1,001 samples" in capsys.readouterr().err


def test_evidence_of_more_samples_than_there_were_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """More items would make a narrower interval."""
    run = edited(a_run(tmp_path), lambda it: metric_in(it)["evidence"].update(n=100_000))

    assert main(["gate", str(run), "--max-drop", "0.5"]) == 2
    assert "rests on 100,000 items, and 1,000 samples were evaluated" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"value": 0.1}, "is +0, and its values say +0.83", id="value"),
        pytest.param({"drop": 0.2}, "is +0.2, and its values say +0", id="drop"),
        pytest.param({"value": 0.1, "drop": 0.83}, "is +0.83, and its evidence says +0", id="value and drop"),
    ],
)
def test_drop_that_is_not_that_of_its_evidence_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, float], sentence: str
) -> None:
    """The gate judges by the evidence, and would pass what the tables call a failure."""
    run = edited(a_run(tmp_path), lambda it: metric_in(it).update(change))

    assert main(["gate", str(run), "--max-drop", "0.01"]) == 2
    assert f"the drop of val/acc with int8 {sentence}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("gate", "sentence"),
    [
        pytest.param({"alpha": 3, "rules": [RULE]}, "must lie in (0, 0.5)", id="alpha"),
        pytest.param({"rules": [{**RULE, "max_drop": None}]}, "a gate rule has no limit", id="rule"),
    ],
)
def test_edited_gate_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gate: dict[str, Any], sentence: str
) -> None:
    """Where the run's own rules are to be applied again."""
    run = edited(a_run(tmp_path), lambda it: it["gate"].update(gate))

    assert main(["gate", str(run)]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("command", ["gate", "report", "compare", "baseline update"])
def test_truncated_report_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Half a file is no report."""
    file = a_run(tmp_path) / "report.json"
    file.write_text(file.read_text(encoding="utf-8")[:400], encoding="utf-8")

    assert main([*command.split(), str(file)]) == 2
    assert "is not readable as JSON" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["gate", "report", "compare", "baseline update"])
def test_missing_report_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """It names the file that was looked for."""
    assert main([*command.split(), str(tmp_path)]) == 2
    assert f"cannot read the report {tmp_path / 'report.json'}" in capsys.readouterr().err


def test_report_that_is_no_text_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An engine is no report."""
    (tmp_path / "model.engine").write_bytes(b"\xff\xfe\x00")

    assert main(["gate", str(tmp_path / "model.engine")]) == 2
    assert "no UTF-8 text" in capsys.readouterr().err


def test_nan_fails(tmp_path: Path) -> None:
    """Null is NaN, and NaN passes no limit."""
    run = edited(a_run(tmp_path), lambda it: metric_in(it).update(value=None, drop=None))

    assert main(["gate", str(run), "--max-drop", "0.5"]) == 1
    assert main(["gate", str(run), "--max", "0.99"]) == 1


def test_run_given_twice_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As folder and as file, it is one run."""
    run = a_run(tmp_path)

    assert main(["gate", str(run), str(run / "report.json")]) == 2
    assert "given twice" in capsys.readouterr().err


def test_unwritable_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pass that nobody can read later is not called one."""
    run = a_run(tmp_path)

    assert main(["gate", str(run), "--junit", str(run / "report.json" / "gate.xml")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_unknown_command_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """As argparse has it."""
    with pytest.raises(SystemExit) as caught:
        main(["gaet"])

    assert caught.value.code == 2
    assert "gate" in capsys.readouterr().err
