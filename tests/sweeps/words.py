"""What the tests type for a sweep that is over soon, and what comes of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lightning_trt.cli import main

__all__ = ["leaderboard", "swept", "told"]

BRIEF = (
    "latency.batch_sizes=[1]",
    "latency.warmup_seconds=0.01",
    "latency.seconds=0.01",
    "calibration.samples=16",
)


def swept(checkpoint: str, *words: str, into: Path) -> int:
    """The exit code of the sweep of those words, whose folder is `into`; all sweeps of a checkpoint share a cache."""
    into.mkdir(exist_ok=True)
    before = os.getcwd()  # noqa: PTH109 - to go back to it
    os.chdir(into)
    try:
        return main(["export", "-m", *told(checkpoint), *words, f"hydra.sweep.dir={into}"])
    finally:
        os.chdir(before)


def told(checkpoint: str) -> tuple[str, ...]:
    """The checkpoint, and what all points are told."""
    return (checkpoint, *BRIEF, f"cache={Path(checkpoint).with_name('cache')}")


def leaderboard(sweep: Path) -> dict[str, Any]:
    """The table of a sweep."""
    read: dict[str, Any] = json.loads((sweep / "leaderboard.json").read_text())
    return read
