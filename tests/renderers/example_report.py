"""A finished report as a run would make it: five candidates, one of them not built and one of them undecided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.artifacts import (
    Attribution,
    BatchMeans,
    CandidateReport,
    CheckpointReport,
    ClassFlips,
    DataReport,
    EnvironmentReport,
    FlippedItem,
    Flips,
    GateReport,
    Latency,
    MetricReport,
    PairedBinary,
    ReferenceReport,
    Report,
    Rule,
    RuleResult,
    Verdict,
)
from lightning_trt.precision import DType, Precision

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["example_report", "single_metric", "with_everything"]

FOLDER = Path("/runs/fashion/trt/best-1f0c7a3e")
_RULE = Rule(metric="val/acc", max_drop=0.01)
_SAMPLES = 2000


def example_report(folder: Path = FOLDER) -> Report:
    """The report, lying in `folder`."""
    listed = [
        _fp32(folder),
        _fp16(folder),
        _bf16_that_failed(),
        _int8_percentile(folder),
        _int8_minmax(folder),
    ]
    return Report(
        path=folder,
        created="2026-09-14T10:42:07Z",
        version="0.1.0",
        checkpoint=CheckpointReport(
            path=str(folder.parent.parent / "checkpoints" / "best.ckpt"),
            sha256="1f0c7a3e" * 8,
            epoch=11,
            monitor="val/acc",
            score=0.9315,
        ),
        environment=EnvironmentReport(
            backend="onnxruntime",
            backend_version="1.30.0",
            torch="2.13.0+cpu",
            device="Intel Xeon Platinum 8481C, 2 threads",
            compute_capability=None,
        ),
        data=DataReport(samples=_SAMPLES, digest="9d3f61c2" * 8, calibration_samples=512, calibration_overlap=512),
        reference=ReferenceReport(
            name="torch-fp32",
            metrics={"val/acc": 0.9315, "val/loss": 0.20113},
            latency=(_latency(1, 4.12), _latency(32, 98.4)),
        ),
        candidates={each.name: each for each in listed},
        gate=_gate(),
        chosen="int8-percentile",
        verdict=Verdict.error,
        notes=(
            "fp16 on this backend keeps weights in fp16 and computes in fp32: it says nothing of overflow on a GPU.",
        ),
        settings={"precisions": ["fp32", "fp16", "bf16", "int8"], "backend": "auto", "calibration": {"samples": 512}},
    )


def single_metric(report: Report) -> Report:
    """`report` with its monitored metric only."""
    name = report.checkpoint.monitor or ""
    candidates = {
        key: replace(each, metrics={name: each.metrics[name]} if name in each.metrics else {})
        for key, each in report.candidates.items()
    }
    reference = replace(report.reference, metrics={name: report.reference.metrics[name]})
    return replace(report, candidates=candidates, reference=reference)


def with_everything(report: Report) -> Report:
    """`report` with what is optional in it: what turned, the loss of each step, what was timed beside the engines."""
    beside = {"eager-fp16": (_latency(1, 3.3), _latency(32, 70.1)), "compile-fp16": (_latency(1, 2.2),)}
    candidates = {
        name: replace(each, metrics={**each.metrics, "val/acc": replace(each.metrics["val/acc"], flips=_flips())})
        for name, each in report.candidates.items()
        if each.precision is Precision.int8
    }
    ways = [("torch-fp32", "fp32"), ("fp32", "fp16"), ("fp32", "int8-percentile"), ("fp32", "int8-minmax")]
    steps = [
        Attribution(before=before, after=after, metrics=report.candidates[after].metrics) for before, after in ways
    ]
    return replace(
        report,
        reference=replace(report.reference, beside=beside),
        candidates={**report.candidates, **candidates},
        attribution=tuple(steps),
    )


def _flips() -> Flips:
    items = tuple(FlippedItem(index=41 + 97 * each, label=each % 10, change=3.2 / (each + 1)) for each in range(8))
    return Flips(
        p_value=0.022,
        worse_items=items,
        better_items=items[:3],
        by_class=tuple(ClassFlips(label=each, n=200, worse=7 * each % 13, better=3 * each % 5) for each in range(10)),
    )


def _latency(batch: int, p50_ms: float) -> Latency:
    return Latency(
        batch=batch,
        p50_ms=p50_ms,
        p90_ms=round(p50_ms * 1.08, 4),
        p99_ms=round(p50_ms * 1.31, 4),
        throughput=round(1000 * batch / p50_ms, 1),
    )


def _accuracy(*, worse: int, better: int, low: float, high: float) -> MetricReport:
    drop = (worse - better) / _SAMPLES
    return MetricReport(
        value=0.9315 - drop,
        drop=drop,
        drop_low=low,
        drop_high=high,
        confidence=0.95,
        higher_is_better=True,
        trusted=True,
        why_not=None,
        evidence=PairedBinary(n=_SAMPLES, worse=worse, better=better),
        in_unit_interval=True,
    )


def _loss(*, drop: float, half_width: float) -> MetricReport:
    return MetricReport(
        value=0.20113 + drop,
        drop=drop,
        drop_low=drop - half_width,
        drop_high=drop + half_width,
        confidence=0.95,
        higher_is_better=False,
        trusted=True,
        why_not=None,
        evidence=BatchMeans(n=63, mean=drop, deviation=half_width * 3.97),
    )


def _fp32(folder: Path) -> CandidateReport:
    unchanged = replace(
        _accuracy(worse=0, better=0, low=0.0, high=0.0019),
        drop_low=-0.0019,
        trusted=False,
        why_not="no prediction changed; the bound comes from the number of samples alone",
    )
    return CandidateReport(
        name="fp32",
        precision=Precision.fp32,
        calibrator=None,
        backend="onnxruntime",
        path=folder / "fp32",
        sha256="a0" * 32,
        bytes=44_739_242,
        build_seconds=0.61,
        metrics={"val/acc": unchanged, "val/loss": _loss(drop=2.1e-7, half_width=1.4e-7)},
        latency=(_latency(1, 3.36), _latency(32, 81.0)),
        speedup=1.21,
        layers={DType.fp32: 49},
        verdict=Verdict.passed,
        reasons=(),
    )


def _fp16(folder: Path) -> CandidateReport:
    return CandidateReport(
        name="fp16",
        precision=Precision.fp16,
        calibrator=None,
        backend="onnxruntime",
        path=folder / "fp16",
        sha256="b1" * 32,
        bytes=22_418_120,
        build_seconds=0.87,
        metrics={
            "val/acc": _accuracy(worse=1, better=1, low=-0.0024, high=0.0024),
            "val/loss": _loss(drop=-0.0000132, half_width=0.0000411),
        },
        latency=(_latency(1, 3.71), _latency(32, 88.2)),
        speedup=1.12,
        layers={DType.fp32: 49},
        verdict=Verdict.passed,
        reasons=(),
    )


def _bf16_that_failed() -> CandidateReport:
    return CandidateReport(
        name="bf16",
        precision=Precision.bf16,
        calibrator=None,
        backend="onnxruntime",
        path=None,
        sha256=None,
        bytes=None,
        build_seconds=None,
        metrics={},
        latency=(),
        speedup=None,
        layers={},
        verdict=Verdict.error,
        reasons=("BuildError: Could not find an implementation for Conv(11) with bfloat16 | node 'layer1.0.conv1'.",),
    )


def _int8_percentile(folder: Path) -> CandidateReport:
    return CandidateReport(
        name="int8-percentile",
        precision=Precision.int8,
        calibrator="percentile",
        backend="onnxruntime",
        path=folder / "int8-percentile",
        sha256="c2" * 32,
        bytes=11_342_811,
        build_seconds=2.94,
        metrics={
            "val/acc": _accuracy(worse=9, better=4, low=-0.0013, high=0.0067),
            "val/loss": _loss(drop=0.0041, half_width=0.0012),
        },
        latency=(_latency(1, 1.74), _latency(32, 40.9)),
        speedup=2.41,
        layers={DType.int8: 41, DType.fp32: 8},
        verdict=Verdict.passed,
        reasons=(),
    )


def _int8_minmax(folder: Path) -> CandidateReport:
    return CandidateReport(
        name="int8-minmax",
        precision=Precision.int8,
        calibrator="minmax",
        backend="onnxruntime",
        path=folder / "int8-minmax",
        sha256="d3" * 32,
        bytes=11_342_798,
        build_seconds=2.71,
        metrics={
            "val/acc": _accuracy(worse=33, better=16, low=0.0017, high=0.0156),
            "val/loss": _loss(drop=0.0173, half_width=0.0038),
        },
        latency=(_latency(1, 1.75), _latency(32, 41.1)),
        speedup=2.39,
        layers={DType.int8: 41, DType.fp32: 8},
        verdict=Verdict.inconclusive,
        reasons=("val/acc: the drop's interval [+0.0017, +0.0156] contains the limit 0.01.",),
    )


def _gate() -> GateReport:
    said: Mapping[str, tuple[Verdict, float | None, tuple[int, int | None] | None]] = {
        "fp32": (Verdict.passed, 1e-6, None),
        "fp16": (Verdict.passed, 1e-5, None),
        "bf16": (Verdict.error, None, None),
        "int8-percentile": (Verdict.passed, 0.0003, None),
        "int8-minmax": (Verdict.inconclusive, 0.33, (31_000, None)),
    }
    results = tuple(
        RuleResult(
            candidate=name, rule=_RULE, limit=0.01, verdict=verdict, p_value=p_value, samples_needed=samples_needed
        )
        for name, (verdict, p_value, samples_needed) in said.items()
    )
    return GateReport(alpha=0.025, rules=(_RULE,), results=results)
