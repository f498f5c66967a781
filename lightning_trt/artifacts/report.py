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
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lightning_trt.artifacts.engine import Latency
    from lightning_trt.artifacts.scores import Evidence, Flips
    from lightning_trt.precision import DType, Precision

__all__ = [
    "Attribution",
    "CandidateReport",
    "CheckpointReport",
    "DataReport",
    "EnvironmentReport",
    "GateReport",
    "Level",
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


class Level(Enum):
    """What breaking a rule means: it fails the candidate, or is only said."""

    fail = "fail"
    warn = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One limit, for the candidates that a pattern names.

    Exactly one limit is set: `max_drop` (in the metric's own units) or `max_drop_relative` (a share of the reference's
    magnitude) on the drop, `min` or `max` on the metric's value, `min_speedup` against the reference of the same run,
    or `max_latency_ms` on the median. `metric` None means the monitored one. `higher_is_better` None means that the
    metric's own direction holds. `candidates` is a shell-style pattern on the candidate's name.

    Example:
        >>> from lightning_trt.artifacts import Rule
        >>> Rule(metric="val/acc", max_drop=0.01).limits
        {'max_drop': 0.01}
    """

    metric: str | None = None
    max_drop: float | None = None
    max_drop_relative: float | None = None
    min: float | None = None
    max: float | None = None
    min_speedup: float | None = None
    max_latency_ms: float | None = None
    higher_is_better: bool | None = None
    candidates: str = "*"
    level: Level = Level.fail

    @property
    def limits(self) -> dict[str, float]:
        """The limits that are set, by field: one, where the rule can be applied."""
        fields = {
            "max_drop": self.max_drop,
            "max_drop_relative": self.max_drop_relative,
            "min": self.min,
            "max": self.max,
            "min_speedup": self.min_speedup,
            "max_latency_ms": self.max_latency_ms,
        }
        return {name: limit for name, limit in fields.items() if limit is not None}

    @property
    def limits_drop(self) -> bool:
        """Whether it limits a drop, which has an interval, and not a number as it was measured."""
        return self.max_drop is not None or self.max_drop_relative is not None

    @property
    def limits_time(self) -> bool:
        """Whether it limits latency or speedup, and so no metric."""
        return self.min_speedup is not None or self.max_latency_ms is not None


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
    """Which samples the numbers come from; `calibration_overlap` counts calibration samples that were evaluated too.

    `calibration_indices` are the dataset items that calibrated, counted through all loaders of `calibration_split`, as
    `calibration_select` took them; `calibration_digest` names what the graph was fed with for them. All four are None
    where nothing was calibrated.
    """

    samples: int
    digest: str
    calibration_samples: int
    calibration_overlap: int | None
    calibration_split: str | None = None
    calibration_select: str | None = None
    calibration_indices: tuple[int, ...] | None = None
    calibration_digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceReport:
    """The checkpoint's own module in fp32 torch; `beside` is its latency as a user would run it otherwise, by name."""

    name: str
    metrics: Mapping[str, float]
    latency: tuple[Latency, ...]
    beside: Mapping[str, tuple[Latency, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def ways(self) -> Mapping[str, tuple[Latency, ...]]:
        """Its latency in every way in which torch ran it, by name: what an engine has to beat."""
        return {self.name: self.latency, **self.beside}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReport:
    """One metric of one candidate; `drop` is positive when the candidate is worse, whatever the metric's direction.

    `drop_low` to `drop_high` is the interval at `confidence`; None where there is no evidence, and then `why_not`
    says why. `flips` tells which items turned, where the metric is right or wrong of each.
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
    flips: Flips | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What is lost in one step of the road, from `before` to `after`; both saw the same samples.

    Each of the `metrics` has the value of `after`, and its drop against `before`. Both are the reference, a candidate,
    or `onnx-fp32`: the exported graph, run by ONNX Runtime.
    """

    before: str
    after: str
    metrics: Mapping[str, MetricReport]


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

    `limit` is the rule's limit in the units of what it limits, `found` what was held against it: the drop, the
    metric's value, the speedup or the median in ms; None where there was none. `samples_needed` is a range of sample
    numbers that would decide (the second None: more than the first).
    """

    candidate: str
    rule: Rule
    limit: float | None
    verdict: Verdict
    p_value: float | None
    samples_needed: tuple[int, int | None] | None
    found: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """The rules that were applied and what each said."""

    alpha: float
    rules: tuple[Rule, ...]
    results: tuple[RuleResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run says of itself; `path` is its folder, `chosen` the name of the fastest candidate that passes.

    `model` is the class of the LightningModule: it names the model where checkpoints come and go. `attribution` tells
    the losses of single steps apart; it is empty where there is no fp32 candidate.
    """

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
    model: str | None = None
    attribution: tuple[Attribution, ...] = ()

    @property
    def shared_batch(self) -> int | None:
        """The largest batch size at which reference and candidates were all timed; None where there is none."""
        latencies = (self.reference.latency, *(each.latency for each in self.candidates.values()))
        timed = [{each.batch for each in side} for side in latencies if side]
        return max(set.intersection(*timed), default=None) if timed else None

    def p50_ms(self, latencies: Iterable[Latency]) -> float | None:
        """The median of `latencies` at the shared batch size; None where it was not timed."""
        batch = self.shared_batch
        return next((each.p50_ms for each in latencies if each.batch == batch), None)

    def speedup(self, latencies: Iterable[Latency]) -> float | None:
        """The reference's median over that of `latencies` at the shared batch size; None where one was not timed."""
        own_ms, reference_ms = self.p50_ms(latencies), self.p50_ms(self.reference.latency)
        return reference_ms / own_ms if own_ms and reference_ms is not None else None
