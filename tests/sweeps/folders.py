"""Folders of a sweep's points, as jobs leave them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from cli.runs import FAILS, PASSES
from stages.gate.reports import candidate

from lightning_trt.artifacts import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import CandidateReport

__all__ = ["a_point", "judged"]


def a_point(sweep: Path, number: int, *overrides: str) -> Path:
    """The folder of a job that Hydra started."""
    folder = sweep / str(number)
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text(json.dumps(["checkpoint=best.ckpt", *overrides]))
    return folder


def judged(name: str, verdict: Verdict) -> CandidateReport:
    """A candidate with a verdict."""
    return replace(candidate(name, PASSES if verdict is Verdict.passed else FAILS), verdict=verdict)
