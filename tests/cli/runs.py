"""Runs on disk, small and made by hand, and the command as a user calls it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stages.gate.reports import accuracy, candidate, report_of

from lightning_trt.renderers.json import to_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lightning_trt.artifacts import CandidateReport, Report

__all__ = ["FAILS", "PASSES", "UNDECIDED", "a_run", "edited", "written"]

PASSES, FAILS, UNDECIDED = accuracy(1, 1), accuracy(60), accuracy(12, 7)


def a_run(folder: Path, *candidates: CandidateReport, **changes: Any) -> Path:
    """A run at `folder` of `candidates`, or of one int8 that passes."""
    listed = candidates or (candidate("int8", PASSES),)
    report = report_of(*listed, digest=changes.pop("digest", "9d3f"), monitor=changes.pop("monitor", "val/acc"))
    return written(replace(report, **{"model": "Net", **changes}), folder)


def written(report: Report, folder: Path) -> Path:
    """`folder`, with the report's JSON in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(to_text(replace(report, path=folder)), encoding="utf-8")
    return folder


def edited(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """`folder`, after `change` had its hands on the parsed report."""
    file = folder / "report.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")
    return folder
