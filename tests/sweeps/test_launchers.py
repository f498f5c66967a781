"""Hydra's launchers that start processes: real ones, on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sweeps.words import leaderboard, swept, told

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
UNFINISHED = "It ended, or was ended, before it could write a report; its log may say why."

pytestmark = pytest.mark.skipif(
    find_spec("submitit") is None or find_spec("hydra_plugins.hydra_joblib_launcher") is None,
    reason="needs Hydra's launchers joblib and submitit, which are not installed",
)


@pytest.fixture(scope="module", autouse=True)
def found_by_processes() -> Iterator[None]:
    """The tests' own modules, which a checkpoint names, are found by each process; one core is enough for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests")]))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def test_points_that_submitit_ran_are_in_one_table(
    checkpoint: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also the one that failed, with its sentence; and the exit code is that of the point that did not."""
    code = swept(checkpoint, "precision=fp16,tf32", "launcher=submitit", into=tmp_path)

    read = leaderboard(tmp_path)
    assert (code, read["verdict"]) == (0, "pass")
    assert [(each["point"], each["candidate"]) for each in read["entries"]] == [("0", "fp16")]
    assert [each["point"] for each in read["failures"]] == ["1"]
    assert "tf32: onnxruntime has no tf32" in read["failures"][0]["why"]
    assert "Point 1 failed: UnsupportedPrecisionError: tf32" in capfd.readouterr().out


def test_a_point_that_is_killed_is_in_the_table(
    checkpoint: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By signal 9, under joblib: what was finished stands, beside what failed, and the same words go on from there."""
    sweep = tmp_path / "sweep"
    slow = ("datamodule._target_=sweeps.slow.Slow", f"datamodule.waits_at=null,{tmp_path / 'pid'}")
    words = [*slow, "precision=fp16,tf32", "gate.max_drop=0.9"]
    command = [sys.executable, "-m", "lightning_trt.cli", "export", "-m", *told(checkpoint), *words]
    with subprocess.Popen([*command, f"hydra.sweep.dir={sweep}", "launcher=joblib"]) as run:
        for finished in (sweep / "0" / "done.yaml", sweep / "3" / "failure.txt"):
            awaited(finished)
        os.kill(int(awaited(tmp_path / "pid")), signal.SIGKILL)
        code = run.wait(timeout=120)
    killed = leaderboard(sweep)

    resumed = swept(checkpoint, *words, into=sweep)

    assert (code, [each["point"] for each in killed["entries"]]) == (0, ["0"])
    assert [each["point"] for each in killed["failures"] if each["why"] == UNFINISHED] == ["2"]
    assert [each["point"] for each in leaderboard(sweep)["failures"]] == ["1", "3"]
    assert resumed == 0
    assert "Already there, not run again" in capfd.readouterr().out


def awaited(path: Path) -> str:
    """What stands at `path`, once it does."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        if path.is_file() and (text := path.read_text()):
            return text
        time.sleep(0.05)
    raise TimeoutError(f"{path} never came.")
