"""What was good enough once: the values of a finished run, kept with the code, and how far a later run is from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_trt.artifacts.report import Rule, Verdict

__all__ = ["Baseline", "BaselineEntry", "Change"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineEntry:
    """The metrics of one candidate, on the `samples` samples that `digest` names."""

    checkpoint_sha256: str | None
    created: str
    digest: str
    samples: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Entries by model, candidate and backend."""

    entries: Mapping[tuple[str, str, str], BaselineEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One metric of one candidate of the run at place `run`, since the baseline; a positive `drop` is worse.

    `rule` and `limit` are None where no rule limits its drop; the verdict is `ungated` then.
    """

    run: int
    candidate: str
    metric: str
    before: float
    value: float
    drop: float
    rule: Rule | None
    limit: float | None
    verdict: Verdict
