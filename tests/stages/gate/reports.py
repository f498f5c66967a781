"""Small reports as the pipeline hands them to the gate: measured, not yet judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.artifacts import (
    CandidateReport,
    CheckpointReport,
    DataReport,
    EnvironmentReport,
    GateReport,
    Latency,
    MetricReport,
    PairedBinary,
    ReferenceReport,
    Report,
    Verdict,
)
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["accuracy", "broken", "candidate", "loss", "report_of"]

_FOLDER = Path("/runs/best")
_REFERENCE = 0.93


def accuracy(worse: int, better: int = 0, *, n: int = 1000) -> MetricReport:
    """An accuracy of which `worse` predictions of `n` went wrong and `better` went right."""
    drop = (worse - better) / n
    return MetricReport(
        value=_REFERENCE - drop,
        drop=drop,
        drop_low=None,
        drop_high=None,
        confidence=0.95,
        higher_is_better=True,
        trusted=False,
        why_not=None,
        evidence=PairedBinary(n=n, worse=worse, better=better),
        in_unit_interval=True,
    )


def loss(drop: float) -> MetricReport:
    """A loss without evidence."""
    return replace(
        accuracy(0),
        value=0.2 + drop,
        drop=drop,
        higher_is_better=False,
        evidence=None,
        why_not="4 batches are too few",
        in_unit_interval=False,
    )


def candidate(
    name: str, metrics: Mapping[str, MetricReport] | MetricReport, *, p50_ms: float | None = 1.0
) -> CandidateReport:
    """A candidate with an engine; a single metric is its val/acc."""
    latency = () if p50_ms is None else (_latency(1, 1.0), _latency(32, p50_ms))
    return CandidateReport(
        name=name,
        precision=Precision.fp16,
        calibrator=None,
        backend="onnxruntime",
        path=_FOLDER / name,
        sha256="a0",
        bytes=1,
        build_seconds=0.1,
        metrics={"val/acc": metrics} if isinstance(metrics, MetricReport) else metrics,
        latency=latency,
        speedup=None,
        layers={},
        verdict=Verdict.ungated,
        reasons=(),
    )


def broken(name: str) -> CandidateReport:
    """A candidate that could not be built."""
    empty = candidate(name, {}, p50_ms=None)
    return replace(empty, path=None, verdict=Verdict.error, reasons=("BuildError: no kernel",))


def report_of(*candidates: CandidateReport, monitor: str | None = "val/acc", digest: str = "9d3f") -> Report:
    """A report of these candidates, all on the same 1,000 samples."""
    return Report(
        path=_FOLDER,
        created="2026-09-14T10:42:07Z",
        version="0.1.0",
        checkpoint=CheckpointReport(path=None, sha256=None, epoch=1, monitor=monitor, score=None),
        environment=EnvironmentReport(
            backend="onnxruntime", backend_version="1", torch="2", device="cpu", compute_capability=None
        ),
        data=DataReport(samples=1000, digest=digest, calibration_samples=0, calibration_overlap=None),
        reference=ReferenceReport(
            name="torch-fp32", metrics={"val/acc": _REFERENCE, "val/loss": 0.2}, latency=(_latency(32, 9.0),)
        ),
        candidates={each.name: each for each in candidates},
        gate=GateReport(alpha=0.025, rules=(), results=()),
        chosen=None,
        verdict=Verdict.ungated,
    )


def _latency(batch: int, p50_ms: float) -> Latency:
    return Latency(batch=batch, p50_ms=p50_ms, p90_ms=p50_ms, p99_ms=p50_ms, throughput=batch / p50_ms)
