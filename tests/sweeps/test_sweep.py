"""A real sweep of the command: points that pass and fail, the table, and the same sweep again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sweeps.words import leaderboard, swept

if TYPE_CHECKING:
    from pathlib import Path

POINTS = ("precision=fp16,int8,tf32", "calibrator=minmax")
LIMIT = "gate.max_drop=0.9"
WORDS = (LIMIT, "objective='trt/*/{monitor}'")


@pytest.fixture(scope="module")
def sweep(checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished sweep of three points, of which one is impossible."""
    folder = tmp_path_factory.mktemp("sweep")
    assert swept(checkpoint, *POINTS, *WORDS, into=folder) == 0
    return folder


def test_all_points_are_in_one_table(sweep: Path) -> None:
    """Also the one that failed, with its sentence."""
    read = leaderboard(sweep)

    assert {each["candidate"] for each in read["entries"]} == {"fp16", "int8-minmax"}
    (failure,) = read["failures"]
    assert (failure["point"], failure["overrides"]) == ("2", ["precision=tf32"])
    assert "tf32: onnxruntime has no tf32" in failure["why"]


def test_finished_points_are_not_run_again(checkpoint: str, sweep: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The same words into the same folder: only the point that failed is tried again; and all are required now."""
    written = {path: path.stat().st_mtime_ns for path in sweep.rglob("report.json")}

    code = swept(checkpoint, *POINTS, *WORDS, "sweep.require=all", into=sweep)

    assert code == 1
    assert {path: path.stat().st_mtime_ns for path in sweep.rglob("report.json")} == written
    assert capfd.readouterr().out.count("Already there, not run again") == 2


def test_points_that_are_told_the_same_are_run_once(
    checkpoint: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An fp16 engine has no calibrator, whatever the sweep is over."""
    swept(checkpoint, "precision=fp16", "calibrator=minmax,mse", *WORDS, into=tmp_path)

    assert capfd.readouterr().out.count("Already there, not run again") == 1
    assert len(list(tmp_path.rglob("report.json"))) == 1
    assert (tmp_path / "1" / "same_as.txt").read_text() == "0"


def test_another_sweep_does_not_overwrite_the_first(
    checkpoint: str, sweep: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its point fails with a sentence; the report that is there stays, and so does what it is known by."""
    (before,) = (sweep / "0").rglob("report.json")
    text = before.read_text()

    swept(checkpoint, "precision=fp32", *WORDS, into=sweep)

    assert "holds the results of another point, which stay" in capfd.readouterr().err
    assert before.read_text() == text
    assert [each["overrides"] for each in leaderboard(sweep)["entries"] if each["point"] == "0"] == [["precision=fp16"]]


def test_lists_and_choices_go_together(checkpoint: str, tmp_path: Path) -> None:
    """A list is one point's, what commas part is several', and options may stand between them."""
    code = swept(checkpoint, "precision=[fp16,int8]", "-m", "calibrator=minmax,[minmax,mse]", LIMIT, into=tmp_path)

    found = {(each["point"], each["candidate"]) for each in leaderboard(tmp_path)["entries"]}
    assert code == 0
    assert found == {("0", "fp16"), ("0", "int8-minmax"), ("1", "fp16"), ("1", "int8-minmax"), ("1", "int8-mse")}


def test_a_sweep_of_which_every_point_fails(checkpoint: str, tmp_path: Path) -> None:
    """It fails as a gate that nothing passed, and tells why of each."""
    code = swept(checkpoint, "precision=tf32,bf16", into=tmp_path)

    read = leaderboard(tmp_path)
    assert (code, read["verdict"], read["entries"]) == (1, "fail", [])
    assert [(each["point"], each["why"].partition(":")[0]) for each in read["failures"]] == [
        ("0", "UnsupportedPrecisionError"),
        ("1", "UnsupportedPrecisionError"),
    ]
