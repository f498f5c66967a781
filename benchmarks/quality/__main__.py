"""What int8 costs: our calibrators and passes beside onnxruntime, ModelOpt and NNCF, on real labels.

Each net is trained here on real data (or was, and is kept), exported once, and quantized in every way from the same 512
training inputs; every int8 graph is run by onnxruntime with its own int8 kernels off and scored on the same test items
against the fp32 graph, paired. A net's twin has channels rescaled by powers of two and computes the same bits.

    python benchmarks/quality --nets cnn,vit --peers "onnxruntime minmax" --peer-python .venv-peers/bin/python

Each net and twin is a JSON of its own in results/quality, so that a run can be cut in pieces: a row that is there
already, of the same settings, is kept unless `--again`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import torch
from auto import auto
from ours import answers, exported, int8, statistics_of
from peer import WAYS
from scores import signal_to_noise
from tasks import TASKS, trained
from twins import twin

sys.path.append(str(Path(__file__).parents[1]))

from record import circumstances

from lightning_trt.passes import WeightRanges, equalize
from lightning_trt.settings import CalibratorName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from lightning_trt.artifacts import MetricReport, OnnxGraph, Statistics

RESULTS = Path(__file__).parents[1] / "results" / "quality"
WEIGHTS = {
    "per channel": WeightRanges(),
    "per channel, clipped": WeightRanges(clipped=True),
    "per tensor": WeightRanges(per_tensor=True),
    "per tensor, clipped": WeightRanges(per_tensor=True, clipped=True),
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A net or its twin, ready to be quantized and scored."""

    name: str
    is_twin: bool
    graph: OnnxGraph
    calibration: Tensor
    inputs: Tensor
    targets: NDArray[np.generic]
    reference: NDArray[np.float32]

    def score(self, model: ir.Model) -> dict[str, object]:
        """Metrics of an int8 graph beside those of fp32, and how near its outputs are."""
        outputs = answers(model, self.inputs)
        metrics = TASKS[self.name].score(outputs, self.reference, self.targets)
        row: dict[str, object] = {name: _told(each) for name, each in metrics.items()}
        noise = signal_to_noise(outputs, self.reference)
        return {"metrics": row, "signal_to_noise_db": round(noise, 1) if np.isfinite(noise) else None}


def _told(metric: MetricReport) -> dict[str, object]:
    numbers = ("value", "drop", "drop_low", "drop_high")
    told: dict[str, object] = {name: getattr(metric, name) for name in numbers}
    evidence = asdict(metric.evidence) if metric.evidence else {}
    return told | {name: evidence[name] for name in ("n", "worse", "better", "changed") if name in evidence}


def subject_of(name: str, *, is_twin: bool) -> Subject:
    """The task's net, trained, or its twin; checked to compute the same bits."""
    data = TASKS[name].data()
    net = trained(name)
    inputs, targets = data.test
    graph = exported(twin(net) if is_twin else net, inputs)
    reference = answers(graph.model, inputs)
    if is_twin and not np.array_equal(reference, answers(exported(net, inputs).model, inputs)):
        raise SystemExit(f"the twin of {name} does not compute what it computes; look at the net's streams.")
    return Subject(
        name=name,
        is_twin=is_twin,
        graph=graph,
        calibration=data.calibration,
        inputs=inputs,
        targets=targets.numpy(),
        reference=reference,
    )


def our_ways(subject: Subject) -> dict[str, Callable[[], ir.Model]]:
    """How to make each of our graphs, by its name; statistics are taken once for each float graph."""
    graphs = {"": subject.graph, "equalized": replace(subject.graph, model=equalize(subject.graph.model))}
    kept: dict[str, Statistics] = {}

    def statistics(how: str) -> Statistics:
        if how not in kept:
            kept[how] = statistics_of(graphs[how], subject.calibration)
        return kept[how]

    def made(how: str, calibrator: CalibratorName, weights: WeightRanges) -> ir.Model:
        return int8(graphs[how], statistics(how), calibrator, weights)

    ways = {}
    for how in graphs:
        for calibrator in CalibratorName:
            kinds = WEIGHTS if calibrator is CalibratorName.mse else {"per channel": WEIGHTS["per channel"]}
            for kind, weights in kinds.items():
                name = ", ".join(part for part in (calibrator.value, how, kind) if part)
                ways[name] = lambda how=how, calibrator=calibrator, weights=weights: made(how, calibrator, weights)
    ways["auto, equalized, per channel"] = lambda: auto(
        graphs["equalized"], statistics("equalized"), subject.calibration
    )
    return ways


def by_peer(subject: Subject, way: str, python: str) -> ir.Model:
    """The int8 graph of another quantizer."""
    with tempfile.TemporaryDirectory() as folder:
        model, samples, made = (str(Path(folder) / each) for each in ("float.onnx", "samples.npy", "int8.onnx"))
        # Without the names of torch's own modules, which some readers stumble over.
        onnx.save(ir.to_proto(subject.graph.model), model)
        np.save(samples, subject.calibration.numpy())
        command = [python, str(Path(__file__).parent / "peer.py"), way, model, samples, made]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        return ir.load(made)


def measured(make: Callable[[], ir.Model], subject: Subject) -> dict[str, object]:
    """One row: the scores and how long quantizing took, or why there are none."""
    start = time.perf_counter()
    try:
        model = make()
    except Exception as error:  # noqa: BLE001 - a peer may fail in any way, and its row says how
        return {"error": f"{type(error).__name__}: {error}"[:300]}
    seconds = time.perf_counter() - start
    return {"seconds": round(seconds, 1), **subject.score(model)}


def run(name: str, *, is_twin: bool, asked: argparse.Namespace) -> None:
    """Nothing; the JSON of a net or its twin holds every way that was asked for."""
    path = RESULTS / f"{name}{'_twin' if is_twin else ''}.json"
    peers = {} if not asked.peer_python else WAYS if asked.peers is None else {each: WAYS[each] for each in asked.peers}
    subject = subject_of(name, is_twin=is_twin)
    ways: dict[str, Callable[[], ir.Model]] = {f"ours: {each}": make for each, make in our_ways(subject).items()}
    ways |= {each: lambda each=each: by_peer(subject, each, asked.peer_python) for each in peers}
    fp32 = TASKS[name].score(subject.reference, subject.reference, subject.targets)
    told = {metric: each.value for metric, each in fp32.items()}
    for way, make in ways.items():
        is_there = not asked.again and "metrics" in _rows(path).get(way, {})
        if fnmatch(way, asked.ways) and not is_there:
            row = measured(make, subject)
            print(f"{path.stem:<22} {way:<44} {_line(row)}", flush=True)
            # Read again, because another piece of the bench may have written meanwhile.
            _write(path, name, {**_rows(path), way: row}, told, len(subject.targets))


def _rows(path: Path) -> dict[str, Mapping[str, object]]:
    """The rows that are there already."""
    rows: dict[str, Mapping[str, object]] = json.loads(path.read_text())["rows"] if path.exists() else {}
    return rows


def _line(row: Mapping[str, object]) -> str:
    metrics = row.get("metrics")
    if not isinstance(metrics, dict):
        return str(row.get("error"))
    return "  ".join(f"{name} {each['value']:.4f}, drop {each['drop']:.4f}" for name, each in metrics.items())


def _write(path: Path, name: str, rows: Mapping[str, object], fp32: Mapping[str, float], items: int) -> None:
    content = {
        "benchmark": path.stem,
        "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": f"python benchmarks/quality --nets {name}",
        "method": __doc__,
        **circumstances(),
        "task": TASKS[name].about,
        "items": items,
        "fp32": fp32,
        "rows": rows,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = {"type": lambda text: text.split(",")}
    parser.add_argument("--nets", default=list(TASKS), help=f"of {', '.join(TASKS)}", **names)
    parser.add_argument("--peers", help=f"of {', '.join(map(repr, WAYS))}; all if not given", action="append")
    parser.add_argument("--peer-python", help="a Python that has the peers; without it, ours alone")
    parser.add_argument("--ways", help="a pattern of names of rows, e.g. 'ours: mse*'", default="*")
    parser.add_argument("--again", action="store_true", help="measure rows again that are there already")
    return parser.parse_args()


def main() -> None:
    """Nothing; results are written."""
    torch.set_num_threads(1)
    asked = _arguments()
    for name in asked.nets:
        for is_twin in (False, True):
            run(name, is_twin=is_twin, asked=asked)


if __name__ == "__main__":
    main()
