"""`leaderboard.html`: the same standing as the other files, as a page that nothing in a sweep can break."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from cli.runs import a_run
from stages.gate.reports import candidate
from sweeps.folders import a_point, judged

from lightning_trt.artifacts import Verdict
from lightning_trt.sweeps import write

if TYPE_CHECKING:
    from pathlib import Path

NASTY = "<script>window.ran = true</script>"

pytestmark = pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs matplotlib, which is not installed")


@pytest.fixture
def page(tmp_path: Path) -> str:
    """Of a sweep whose names are code: one point passed, one failed its gate, one failed, and one was the same."""
    sweep = tmp_path / f"{NASTY.replace('/', '')} #1"
    good = a_run(a_point(sweep, 0, f"precision={NASTY}") / "best-1", judged("fp16", Verdict.passed))
    (good / "report.html").touch()
    a_run(a_point(sweep, 1, "precision=int8") / "best-1", judged(f"int8-{NASTY}", Verdict.failed))
    (a_point(sweep, 2, "precision=tf32") / "failure.txt").write_text(f"tf32: {NASTY}")
    (a_point(sweep, 3, "precision=fp16") / "same_as.txt").write_text("0")
    write(sweep)
    return (sweep / "leaderboard.html").read_text()


def test_every_point_is_on_the_page(page: str) -> None:
    """Those that failed with their reason."""
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())

    assert "The fastest that passes is fp16 (0). Candidates: 2; points that failed: 1." in text
    assert "Points that failed 2, precision=tf32: tf32: &lt;script&gt;" in text
    assert "3, precision=fp16: the same as 0" in text


def test_names_are_text(page: str) -> None:
    """Of folders, overrides and candidates, in tables and in figures."""
    assert page.count("<script>") == 1
    assert NASTY not in page


def test_a_point_leads_to_its_report(page: str) -> None:
    """Where it has one; the address is relative, so that the sweep's folder may move."""
    assert re.findall(r'<td[^>]*><a href="([^"]+)">', page) == ["0/best-1/report.html"]


def test_the_front_is_drawn(page: str) -> None:
    """With the name and the point of each candidate that nothing beats."""
    (figure,) = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)

    assert "fp16 (0)" in figure
    assert "p50 in ms" in figure


def test_a_sweep_without_results_has_a_page(tmp_path: Path) -> None:
    """Which says so."""
    a_point(tmp_path, 0)

    write(tmp_path)

    page = (tmp_path / "leaderboard.html").read_text()
    assert "No candidate passed. Candidates: 0; points that failed: 1." in page
    assert "<svg" not in page


def test_a_candidate_that_was_not_measured_is_in_the_table(tmp_path: Path) -> None:
    """Without numbers, and without a place in a figure."""
    a_run(a_point(tmp_path, 0) / "best-1", candidate("int8-mse", {}, p50_ms=None))

    write(tmp_path)

    page = (tmp_path / "leaderboard.html").read_text()
    assert "int8-mse" in page
    assert "<svg" not in page


@pytest.mark.parametrize(("failed", "is_drawn"), [(False, False), (True, True)])
def test_a_sweep_that_is_not_over_is_drawn_once_a_point_failed(tmp_path: Path, *, failed: bool, is_drawn: bool) -> None:
    """Of such a sweep's end Hydra 1.3 tells nobody; of another's it does, and drawing takes time."""
    a_run(a_point(tmp_path, 0) / "best-1", judged("fp16", Verdict.passed))
    if failed:
        a_point(tmp_path, 1)

    write(tmp_path, is_over=False)

    assert (tmp_path / "leaderboard.md").is_file()
    assert (tmp_path / "leaderboard.html").is_file() is is_drawn
