"""How long `lightning-trt gate` takes from start to end, beside an empty Python.

Fresh processes, wall time, in turns with `python -c pass`; medians. The report has four candidates and a rule on each,
with 2,000 bootstrap resamples of a second metric, which is what a report with an F1 holds. The machine must be idle:
on a busy one the wall time is that of the others, and the processor time beside it is what the command costs.

Predicted before it was run: 0.02 s for Python, 0.12 s for numpy, 0.06 s for rich, the rest below 0.05 s; 0.3 s in all.
It took 0.5 s of processor time, a third of it numpy's; reading reports without numpy and making a place in the JSON
without `dataclasses.replace` brought it to about 0.3 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from record import Bound, arguments, record

from lightning_trt.artifacts import (
    Bootstrap,
    CandidateReport,
    CheckpointReport,
    DataReport,
    EnvironmentReport,
    GateReport,
    MetricReport,
    PairedBinary,
    ReferenceReport,
    Report,
    Rule,
    Verdict,
)
from lightning_trt.precision import Precision
from lightning_trt.renderers.json import to_text

CANDIDATES = ("fp32", "fp16", "int8-percentile", "int8-minmax")
RESAMPLES = tuple(0.9 + 1e-5 * index for index in range(2000))


def metric(evidence: PairedBinary | Bootstrap) -> MetricReport:
    """A metric that dropped by half a point."""
    return MetricReport(
        value=0.925,
        drop=0.005,
        drop_low=None,
        drop_high=None,
        confidence=0.95,
        higher_is_better=True,
        trusted=True,
        why_not=None,
        evidence=evidence,
        in_unit_interval=True,
    )


def candidate(name: str) -> CandidateReport:
    """A candidate with an accuracy and an F1."""
    resampled = Bootstrap(unit="item", n=2000, changed=40, reference=RESAMPLES, candidate=RESAMPLES[::-1])
    return CandidateReport(
        name=name,
        precision=Precision.fp16,
        calibrator=None,
        backend="onnxruntime",
        path=Path(name),
        sha256=None,
        bytes=1,
        build_seconds=0.1,
        metrics={"val/acc": metric(PairedBinary(n=2000, worse=20, better=10)), "val/f1": metric(resampled)},
        latency=(),
        speedup=None,
        layers={},
        verdict=Verdict.ungated,
        reasons=(),
    )


def report(folder: Path) -> Report:
    """The report of a run with four candidates."""
    return Report(
        path=folder,
        created="2026-09-14T10:42:07Z",
        version="0.1.0",
        checkpoint=CheckpointReport(path=None, sha256=None, epoch=1, monitor="val/acc", score=None),
        environment=EnvironmentReport(
            backend="onnxruntime", backend_version="1", torch="2", device="cpu", compute_capability=None
        ),
        data=DataReport(samples=2000, digest="9d3f", calibration_samples=512, calibration_overlap=None),
        reference=ReferenceReport(name="torch-fp32", metrics={"val/acc": 0.93, "val/f1": 0.93}, latency=()),
        candidates={name: candidate(name) for name in CANDIDATES},
        gate=GateReport(alpha=0.025, rules=(Rule(max_drop=0.05),), results=()),
        chosen=None,
        verdict=Verdict.ungated,
    )


# Without this, what is installed for editing is compiled anew at each start, and what pip installed is not.
COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def timed(command: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of a fresh process."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=COMPILED)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, spent


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "report.json").write_text(to_text(report(Path(folder))), encoding="utf-8")
        cases = {
            "python": [sys.executable, "-c", "pass"],
            "gate": [sys.executable, "-m", "lightning_trt.cli", "gate", folder],
        }
        rounds = [{name: timed(command) for name, command in cases.items()} for _ in range(3 if asked.quick else 21)]
    wall = {name: [one[name][0] for one in rounds] for name in cases}
    processor = {name: [one[name][1] for one in rounds] for name in cases}
    bounds = [
        Bound(name="gate, from start to end", value=median(wall["gate"]), bound=0.5, unit="s"),
        Bound(name="gate, processor time", value=median(processor["gate"]), bound=0.5, unit="s"),
    ]
    measured = {"wall_seconds": wall, "processor_seconds": processor}
    return record("gate_start", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
