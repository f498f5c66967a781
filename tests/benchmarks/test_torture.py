"""A short run of each part of the torture bench: what is broken on purpose costs what it may cost, and no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each trial is a forked process")


@pytest.mark.parametrize(
    ("part", "least"), [pytest.param("faults", 7), pytest.param("kills", 12), pytest.param("ranks", 2)]
)
def test_no_promise_is_broken(part: str, least: int, tmp_path: Path) -> None:
    """Training, files, other candidates and other ranks are as promised, whatever was struck."""
    out = tmp_path / "found.json"

    run = subprocess.run(
        [sys.executable, "benchmarks/torture", "--part", part, "--quick", "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-3000:]
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))["measured"]
    assert len(found["tried"]) >= least
    assert found["broken"] == {}
