"""The report: what every run says of itself, in the shape of `report.json`, schema 1.

The JSON's lists of candidates and metrics are mappings here, by name. How it is written and read back is the
renderers' business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lightning_trt.artifacts.engine import Latency
    from lightning_trt.artifacts.scores import Evidence
    from lightning_trt.precision import DType, Precision

__all__ = [
    "CandidateReport",
    "CheckpointReport",
    "DataReport",
    "EnvironmentReport",
    "GateReport",
    "MetricReport",
    "ReferenceReport",
    "Report",
    "Rule",
    "RuleResult",
    "Verdict",
]


class Verdict(Enum):
    """What the gate says of a rule, a candidate or a run."""

    passed = "pass"
    failed = "fail"
    inconclusive = "inconclusive"
    error = "error"
    ungated = "ungated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A limit on the drop of one metric, for the candidates that a pattern names.

    `metric` None means the monitored one. Exactly one of `max_drop` (in the metric's own units) and
    `max_drop_relative` (a share of the
    reference's magnitude) is set. `candidates` is a shell-style pattern on the candidate's name. `higher_is_better`
    None means
    that the metric's own direction holds.
    """

    metric: str | None = None
    max_drop: float | None = None
    max_drop_relative: float | None = None
    higher_is_better: bool | None = None
    candidates: str = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointReport:
    """The checkpoint that was exported; `path` and `sha256` are None where the module's own weights were taken."""

    path: str | None
    sha256: str | None
    epoch: int | None
    monitor: str | None
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentReport:
    """What it was measured on."""

    backend: str
    backend_version: str
    torch: str
    device: str
    compute_capability: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReport:
    """Which samples the numbers come from; `calibration_overlap` counts calibration samples that were evaluated too."""

    samples: int
    digest: str
    calibration_samples: int
    calibration_overlap: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceReport:
    """The checkpoint's own module in fp32 torch."""

    name: str
    metrics: Mapping[str, float]
    latency: tuple[Latency, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReport:
    """One metric of one candidate; `drop` is positive when the candidate is worse, whatever the metric's direction.

    `drop_low` to `drop_high` is the interval at `confidence`; None where there is no evidence, and then `why_not`
    says why.
    """

    value: float
    drop: float
    drop_low: float | None
    drop_high: float | None
    confidence: float
    higher_is_better: bool | None
    trusted: bool
    why_not: str | None
    evidence: Evidence | None
    in_unit_interval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateReport:
    """One candidate; `path` is its folder, None where it has no engine."""

    name: str
    precision: Precision
    calibrator: str | None
    backend: str
    path: Path | None
    sha256: str | None
    bytes: int | None
    build_seconds: float | None
    metrics: Mapping[str, MetricReport]
    latency: tuple[Latency, ...]
    speedup: float | None
    layers: Mapping[DType, int]
    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """What one rule says of one candidate.

    `limit` is the rule's limit in the metric's own units. `samples_needed` is a range of sample numbers that would
    decide (the second None:
    more than the first).
    """

    candidate: str
    rule: Rule
    limit: float | None
    verdict: Verdict
    p_value: float | None
    samples_needed: tuple[int, int | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """The rules that were applied and what each said."""

    alpha: float
    rules: tuple[Rule, ...]
    results: tuple[RuleResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run says of itself; `path` is its folder, `chosen` the name of the fastest candidate that passes."""

    path: Path
    created: str
    version: str
    checkpoint: CheckpointReport
    environment: EnvironmentReport
    data: DataReport
    reference: ReferenceReport
    candidates: Mapping[str, CandidateReport]
    gate: GateReport
    chosen: str | None
    verdict: Verdict
    notes: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
