"""What a verdict does to the program that asked for it."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from renderers.example_report import example_report

from lightning_trt.artifacts import Verdict
from lightning_trt.errors import GateFailedError
from lightning_trt.pipeline import enforce, enforcement
from lightning_trt.settings import ExportSettings

if TYPE_CHECKING:
    from pathlib import Path

GATE = {"max_drop": 0.01}


def enforced(folder: Path, verdict: Verdict, **options: Any) -> str:
    """What is warned of; empty where nothing is."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        enforce(replace(example_report(folder), verdict=verdict), settings=ExportSettings(**options))
    return " ".join(str(each.message) for each in seen)


@pytest.mark.parametrize("verdict", [Verdict.failed, Verdict.error])
def test_a_gate_that_the_user_set_raises(tmp_path: Path, verdict: Verdict) -> None:
    """The sentence says where the report lies, since everything is written by then."""
    with pytest.raises(GateFailedError, match=r"report\.html"):
        enforced(tmp_path, verdict, gate=GATE)


@pytest.mark.parametrize("verdict", [Verdict.failed, Verdict.error])
def test_the_default_gate_warns(tmp_path: Path, verdict: Verdict) -> None:
    """Nobody's script ends by a limit that nobody set."""
    assert "report.html" in enforced(tmp_path, verdict)


def test_in_a_sweep_a_gate_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One bad point must not end the others."""
    monkeypatch.setattr(enforcement, "is_in_sweep", lambda: True)

    assert enforced(tmp_path, Verdict.failed, gate=GATE)


def test_whoever_says_raise_gets_it(tmp_path: Path) -> None:
    """In a sweep, and without a gate of one's own."""
    with pytest.raises(GateFailedError):
        enforced(tmp_path, Verdict.failed, on_gate_fail="raise")


def test_whoever_says_warn_gets_it(tmp_path: Path) -> None:
    """With a gate of one's own."""
    assert enforced(tmp_path, Verdict.failed, gate=GATE, on_gate_fail="warn")


@pytest.mark.parametrize("gate", [None, GATE], ids=["default gate", "own gate"])
def test_doubt_warns(tmp_path: Path, gate: Any) -> None:
    """An inconclusive verdict is no pass."""
    assert enforced(tmp_path, Verdict.inconclusive, gate=gate)


def test_doubt_that_was_asked_to_pass_is_silent(tmp_path: Path) -> None:
    """`on_inconclusive: pass`."""
    assert not enforced(tmp_path, Verdict.inconclusive, gate={**GATE, "on_inconclusive": "pass"})


@pytest.mark.parametrize("verdict", [Verdict.passed, Verdict.ungated])
def test_nothing_is_said_where_nothing_is_wrong(tmp_path: Path, verdict: Verdict) -> None:
    """A run that passes, and one without a limit."""
    assert not enforced(tmp_path, verdict, gate=GATE)
