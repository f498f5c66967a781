"""What one run is asked, and what its stations find."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from lightning_trt.distributed import Crew
from lightning_trt.passes import WeightRanges
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lightning_trt.artifacts import Candidate, CheckpointReport, Latency, Report, Scores, Statistics
    from lightning_trt.pipeline.plan import Asked, Plan
    from lightning_trt.replay import Subject
    from lightning_trt.settings import ExportSettings

__all__ = ["EXPORTED", "REFERENCE", "Findings", "Job", "Outcome"]

REFERENCE = "torch-fp32"
"""Name of the checkpoint's own module in fp32 torch."""

EXPORTED = "onnx-fp32"
"""Name of the exported graph, run by ONNX Runtime: a step of the attribution and no candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run: what is exported, into which candidates, how, to which folder, and with which ranks' help.

    `is_point` says that other runs of a sweep export the same, and begin alike so that they can share.
    """

    subject: Subject
    checkpoint: CheckpointReport
    plan: Plan
    settings: ExportSettings
    folder: Path
    notes: tuple[str, ...] = ()
    crew: Crew = field(default_factory=Crew)
    is_point: bool = False

    @property
    def high_precision(self) -> Precision:
        """What quantized candidates compute the rest in."""
        return self.settings.build.high_precision or self.plan.backend.high_precision

    @property
    def runs_exported(self) -> bool:
        """Whether the exported graph is run besides; ONNX Runtime's own fp32 engine is it already."""
        return self.settings.validation.exported_graph and self.plan.backend.name != "onnxruntime"

    @property
    def steps(self) -> tuple[tuple[str, str], ...]:
        """The steps in which a loss is attributed: torch to ONNX, to the fp32 engine, and from there to all others."""
        names = [each.name for each in self.plan.candidates]
        fp32 = Precision.fp32.value
        chain = [REFERENCE, *([EXPORTED] if self.runs_exported else []), *([fp32] if fp32 in names else [])]
        others = [name for name in names if name != fp32] if len(chain) > 1 else []
        return (*pairwise(chain), *((chain[-1], name) for name in others))

    @property
    def equalizes(self) -> bool:
        """Whether channels are brought to one size before anything is built: for all candidates, or for none."""
        return self.settings.calibration.equalize and (self.is_point or self.plan.needs_ranges)

    @property
    def weights(self) -> WeightRanges:
        """How the ranges of weights are found."""
        chosen = self.settings.calibration
        return WeightRanges(per_tensor=chosen.weights_per_tensor, clipped=chosen.clip_weights)

    def computes_in(self, asked: Asked) -> Precision:
        """What a candidate computes in where it is not quantized."""
        return self.high_precision if asked.precision.is_quantized else asked.precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the stations brought, by boundary or by candidate; `failures` says why something is missing."""

    statistics: Mapping[str, Statistics] = field(default_factory=lambda: MappingProxyType({}))
    candidates: Mapping[str, Candidate] = field(default_factory=lambda: MappingProxyType({}))
    latency: Mapping[str, tuple[Latency, ...]] = field(default_factory=lambda: MappingProxyType({}))
    scores: Scores | None = None
    failures: Mapping[str, Exception] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The report, which is written, and the error that ended all candidates at once, if one did."""

    report: Report
    error: Exception | None = None
