"""From what the stations found to the report."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import torch

import lightning_trt
from lightning_trt.artifacts import (
    CandidateReport,
    DataReport,
    EnvironmentReport,
    GateReport,
    ReferenceReport,
    Report,
    Verdict,
)
from lightning_trt.batches import data_digest
from lightning_trt.calibrators import beyond_fp16, fits_of
from lightning_trt.errors import StorageError
from lightning_trt.notices import notice
from lightning_trt.pipeline.job import REFERENCE
from lightning_trt.precision import Precision
from lightning_trt.renderers import json
from lightning_trt.renderers.formats import formats_of
from lightning_trt.settings import Beside, ReportFormat, Split, plain
from lightning_trt.stages.compare import attribution, compare
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lightning_trt.artifacts import Candidate, CheckpointReport, Latency, MetricReport, RangeFit
    from lightning_trt.pipeline.job import Findings, Job
    from lightning_trt.pipeline.plan import Asked, Plan
    from lightning_trt.precision import DType
    from lightning_trt.protocols import Backend
    from lightning_trt.settings import ExportSettings

__all__ = ["assembled", "sentence_of", "unbuilt", "unmeasured", "write"]

_DEFAULT_ALPHA = 0.025
_MAX_NAMED = 5


def assembled(job: Job, findings: Findings) -> Report:
    """The report before the gate: every candidate ungated, or in error where it failed."""
    alpha, scores = _alpha(job.settings), findings.scores
    metrics = compare(scores, alpha=alpha) if scores else {}
    blank = unmeasured(job.plan, job.settings, checkpoint=job.checkpoint, folder=job.folder)
    return replace(
        blank,
        data=_data(job, findings),
        reference=ReferenceReport(
            name=REFERENCE,
            metrics={name: each.reference for name, each in scores.metrics.items()} if scores else {},
            latency=findings.latency.get(REFERENCE, ()),
            beside={each.value: findings.latency[each.value] for each in Beside if each.value in findings.latency},
        ),
        candidates={
            each.name: _candidate(each, job, findings, metrics.get(each.name, {})) for each in job.plan.candidates
        },
        notes=tuple(dict.fromkeys((*_about(job), *_overflows(job, findings), *findings.notes))),
        settings={**blank.settings, **(job.subject.scoring.described if job.subject.scoring else {})},
        model=type(job.subject.module).__name__,
        attribution=attribution(scores, job.steps, reference=REFERENCE, alpha=alpha) if scores else (),
    )


def unmeasured(plan: Plan, settings: ExportSettings, *, checkpoint: CheckpointReport, folder: Path) -> Report:
    """The report of a run in `folder` of which nothing is known but what was to be done: it has no candidates yet."""
    return Report(
        path=folder,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        version=lightning_trt.__version__,
        checkpoint=checkpoint,
        environment=_environment(plan.backend, settings),
        data=DataReport(samples=0, digest="", calibration_samples=0, calibration_overlap=None),
        reference=ReferenceReport(name=REFERENCE, metrics={}, latency=()),
        candidates={},
        gate=GateReport(alpha=_alpha(settings), rules=(), results=()),
        chosen=None,
        verdict=Verdict.ungated,
        notes=(plan.why,),
        settings=plain(settings),
    )


def unbuilt(plan: Plan, why: Exception) -> dict[str, CandidateReport]:
    """Every candidate of the plan, in error for the same reason."""
    return {
        each.name: CandidateReport(
            name=each.name,
            precision=each.precision,
            calibrator=each.calibrator.value if each.calibrator else None,
            backend=plan.backend.name,
            path=None,
            sha256=None,
            bytes=None,
            build_seconds=None,
            metrics={},
            latency=(),
            speedup=None,
            layers={},
            verdict=Verdict.error,
            reasons=(sentence_of(why),),
        )
        for each in plan.candidates
    }


def write(report: Report, into: Path, *, formats: Collection[ReportFormat]) -> str | None:
    """Why a format was left out, None where none was.

    The report stands in `into` as JSON and in each of `formats`, each file whole.
    """
    write_whole(into / "report.json", json.to_text(report))
    try:
        return _write_formats(report, into, formats=formats)
    except Exception as error:  # noqa: BLE001 - the report is written, and can be rendered again
        return f"{', '.join(each.value for each in formats)} left out: {sentence_of(error)}"


def _write_formats(report: Report, into: Path, *, formats: Collection[ReportFormat]) -> str | None:
    made = formats_of(report, fits=_fits(report, into), asked=formats)
    for name, text in made.texts.items():
        write_whole(into / name, text)
    return made.left_out


def _fits(report: Report, folder: Path) -> dict[str, tuple[RangeFit, ...]]:
    """How the ranges fit that lie in `folder`; nothing, where they cannot be read: a report is more than one figure."""
    try:
        return fits_of(report, folder=folder)
    except StorageError as error:
        notice(f"report.html lacks the tensors that lose most: {error}")
        return {}


def _candidate(asked: Asked, job: Job, findings: Findings, metrics: Mapping[str, MetricReport]) -> CandidateReport:
    built = findings.candidates.get(asked.name)
    failure = findings.failures.get(asked.name)
    latency = findings.latency.get(asked.name, ())
    engines = built.engines.values() if built else ()
    return CandidateReport(
        name=asked.name,
        precision=asked.precision,
        calibrator=asked.calibrator.value if asked.calibrator else None,
        backend=job.plan.backend.name,
        path=job.folder / asked.name if built else None,
        sha256=_digest(built) if built else None,
        bytes=sum(engine.bytes for engine in engines) if built else None,
        build_seconds=sum(engine.build_seconds for engine in engines) if built else None,
        metrics={} if failure else metrics,
        latency=latency,
        speedup=_speedup(findings.latency.get(REFERENCE, ()), latency),
        layers=_layers(built),
        verdict=Verdict.error if failure else Verdict.ungated,
        reasons=(sentence_of(failure),) if failure else (),
    )


def _about(job: Job) -> tuple[str, ...]:
    """Why this backend, what was told of the checkpoint, and what scored where it was not validation_step."""
    scoring = job.subject.scoring
    notes = (job.plan.why, *job.notes)
    if scoring is None:
        return notes
    return (*notes, f"scored by metrics= ({', '.join(scoring.metrics)}) and predict=, not by validation_step")


def _overflows(job: Job, findings: Findings) -> tuple[str, ...]:
    """What fp16 cannot hold on a GPU, although a CPU, which computes in fp32, does not show it."""
    uses_fp16 = any(job.computes_in(each) is Precision.fp16 for each in job.plan.candidates)
    names = [name for statistics in findings.statistics.values() for name in beyond_fp16(statistics)]
    if not uses_fp16 or not names:
        return ()
    listed = ", ".join(names[:_MAX_NAMED]) + (f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else "")
    return (f"magnitudes above 65,504 were seen in {listed}: on a GPU fp16 holds them as infinity",)


def sentence_of(error: Exception) -> str:
    """What a report says of an error: its class, and its own sentence where it has one."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _digest(candidate: Candidate) -> str | None:
    engines = tuple(candidate.engines.values())
    return engines[0].sha256 if len(engines) == 1 else None


def _layers(candidate: Candidate | None) -> dict[DType, int]:
    counts: dict[DType, int] = {}
    for engine in candidate.engines.values() if candidate else ():
        for dtype, count in engine.layers.items():
            counts[dtype] = counts.get(dtype, 0) + count
    return counts


def _speedup(reference: tuple[Latency, ...], candidate: tuple[Latency, ...]) -> float | None:
    """The reference's p50 over the candidate's at the largest batch size at which both were timed."""
    slow = {each.batch: each.p50_ms for each in reference}
    fast = {each.batch: each.p50_ms for each in candidate}
    shared = max(slow.keys() & fast.keys(), default=None)
    return None if shared is None else slow[shared] / fast[shared]


def _data(job: Job, findings: Findings) -> DataReport:
    scores, settings = findings.scores, job.settings.calibration
    parts = findings.statistics.values()
    used = {index for statistics in parts for index in statistics.indices}
    evaluated = None if scores is None or scores.indices is None else set(scores.indices)
    is_shared = settings.split is Split.validate  # items of other data have other numbers
    return DataReport(
        samples=scores.samples if scores else 0,
        digest=scores.digest if scores else "",
        calibration_samples=len(used),
        calibration_overlap=len(used & evaluated) if evaluated is not None and (is_shared or not used) else None,
        calibration_split=settings.split.value if used else None,
        calibration_select=settings.select.value if used else None,
        calibration_indices=tuple(sorted(used)) if used else None,
        calibration_digest=data_digest(each.fingerprints for each in parts) if used else None,
    )


def _alpha(settings: ExportSettings) -> float:
    return settings.gate.alpha if settings.gate else _DEFAULT_ALPHA


def _environment(backend: Backend, settings: ExportSettings) -> EnvironmentReport:
    return EnvironmentReport(
        backend=backend.name,
        backend_version=backend.version,
        torch=torch.__version__,
        device=backend.environment.get("gpu") or _processor(settings.build.threads),
        compute_capability=backend.environment.get("compute_capability"),
    )


def _processor(threads: int | None) -> str:
    """The processor's name, and how many threads the engines may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor_name()}, {threads or cores} threads"


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
