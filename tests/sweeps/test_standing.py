"""The table of a sweep, from the folders of its points."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cli.runs import a_run
from sweeps.folders import a_point, judged

from lightning_trt.artifacts import Verdict
from lightning_trt.settings import Require
from lightning_trt.sweeps import points_of, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """One point that passed, one whose gate failed, one that failed itself, and one that was killed."""
    good = a_point(tmp_path, 0, "precision=fp16")
    a_run(good / "best-1", judged("fp16", Verdict.passed), verdict=Verdict.passed)
    bad = a_point(tmp_path, 10, "precision=int8")
    a_run(bad / "best-1", judged("int8", Verdict.failed), verdict=Verdict.failed)
    (a_point(tmp_path, 2, "precision=tf32") / "failure.txt").write_text("tf32: no such arithmetic.\n")
    a_point(tmp_path, 3, "precision=bf16")
    return tmp_path


def test_points_come_in_the_order_of_their_numbers(sweep: Path) -> None:
    """Not in that of their names."""
    assert [point.folder.name for point in points_of(sweep)] == ["0", "2", "3", "10"]


def test_what_passes_is_first_and_what_failed_is_told(sweep: Path) -> None:
    """Of the overrides only those that tell the points apart."""
    standing = write(sweep)

    assert [(each.point, each.candidate.name, each.overrides) for each in standing.entries] == [
        ("0", "fp16", ("precision=fp16",)),
        ("10", "int8", ("precision=int8",)),
    ]
    assert [(each.point, each.why) for each in standing.failures] == [
        ("2", "tf32: no such arithmetic."),
        ("3", "It ended, or was ended, before it could write a report; its log may say why."),
    ]


@pytest.mark.parametrize(("require", "passes"), [(Require.any, True), (Require.all, False)])
def test_a_sweep_passes_as_it_is_required(sweep: Path, *, require: Require, passes: bool) -> None:
    """By one point, or by all of them."""
    assert write(sweep, require=require).passes is passes


def test_a_sweep_of_failures_fails(tmp_path: Path) -> None:
    """Where every point failed, and where there is none."""
    assert not write(tmp_path).passes

    a_point(tmp_path, 0)

    assert not write(tmp_path).passes


def test_a_report_that_cannot_be_read_is_a_failure(sweep: Path) -> None:
    """Half a file, or one of another schema; the other points stand."""
    (sweep / "0" / "best-1" / "report.json").write_text('{"schema": 1,')

    standing = write(sweep)

    assert [each.point for each in standing.entries] == ["10"]
    assert [each.point for each in standing.failures] == ["0", "2", "3"]


def test_files_say_the_same(sweep: Path) -> None:
    """JSON for programs, Markdown for people."""
    write(sweep)

    read = json.loads((sweep / "leaderboard.json").read_text())
    page = (sweep / "leaderboard.md").read_text()
    assert [each["candidate"] for each in read["entries"]] == ["fp16", "int8"]
    assert (read["verdict"], [each["point"] for each in read["failures"]]) == ("pass", ["2", "3"])
    assert page.startswith("# Sweep: pass\n")
    assert "* 2, `precision=tf32`: tf32: no such arithmetic." in page


def test_the_front_is_what_nothing_beats(sweep: Path) -> None:
    """Less accurate at the same speed is beaten."""
    entries = write(sweep).entries

    assert [(each.candidate.name, each.is_on_front) for each in entries] == [("fp16", True), ("int8", False)]


def test_a_point_that_was_told_the_same_is_no_failure(sweep: Path) -> None:
    """It has no row of its own, and whoever requires all points does not miss it."""
    (a_point(sweep, 11, "precision=fp16", "calibrator=mse") / "same_as.txt").write_text("0")

    standing = write(sweep)

    assert "11" not in {each.point for each in (*standing.entries, *standing.failures)}
    assert [(each.point, each.as_) for each in standing.same] == [("11", "0")]
    assert "* 11, `precision=fp16 calibrator=mse`: the same as 0" in (sweep / "leaderboard.md").read_text()
