"""What int8 costs: our calibrators and passes beside onnxruntime, ModelOpt and NNCF, on real labels.

Each net is trained here on real data (or was, and is kept), exported once, and quantized in every way from the same 512
training inputs; every int8 graph is run by onnxruntime with its own int8 kernels off and scored on the same test items
against the fp32 graph, paired. A net's twin has channels rescaled by powers of two and computes the same bits.

    python benchmarks/quality --nets cnn,vit --ways "ours: mse*" --ways "NNCF*" --peer-python .venv-peers/bin/python

Each net and twin is a JSON of its own in results/quality, which grows row by row, so that a run can be cut in pieces: a
row that is there already is kept unless `--again`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from peer import WAYS
from subjects import by_peer, our_ways, subjects_of
from tasks import TASKS

sys.path.append(str(Path(__file__).parents[1]))

from record import circumstances

from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir
    from subjects import Subject

ELSEWHERE = ("ModelOpt", "NNCF")
"""What wants versions of onnx and onnxruntime of its own."""

RESULTS = Path(__file__).parents[1] / "results" / "quality"


def run(name: str, asked: argparse.Namespace) -> None:
    """Nothing; the JSON of a net and that of its twin hold every way that was asked for."""
    with ThreadPoolExecutor(asked.workers) as pool:
        wanted = {}
        for subject in subjects_of(name, quick=asked.quick):
            for way, make in _ways(subject, asked).items():
                wanted[pool.submit(measured, make, subject)] = (subject, way)
        for done in as_completed(wanted):
            subject, way = wanted[done]
            print(f"{subject.name:<24} {way:<44} {_line(done.result())}", flush=True)
            if not asked.quick:
                # Read again, because another piece of the bench may have written meanwhile.
                _write(subject, {**_rows(subject), way: done.result()})


def _ways(subject: Subject, asked: argparse.Namespace) -> dict[str, Callable[[], ir.Model]]:
    """What was asked for and is not there yet."""
    pythons = {way: asked.peer_python if way.startswith(ELSEWHERE) else sys.executable for way in WAYS}
    peers = {way: partial(by_peer, subject, way, python) for way, python in pythons.items() if python}
    there = set() if asked.again or asked.quick else {way for way, row in _rows(subject).items() if "metrics" in row}
    return {
        way: make
        for way, make in {**peers, **our_ways(subject)}.items()
        if way not in there and any(fnmatch(way, pattern) for pattern in asked.ways or ["*"])
    }


def measured(make: Callable[[], ir.Model], subject: Subject) -> dict[str, object]:
    """One row: the scores, or why there are none."""
    try:
        return subject.score(make())
    except Exception as error:  # noqa: BLE001 - a peer may fail in any way, and its row says how
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def _path(subject: Subject) -> Path:
    return RESULTS / f"{subject.name}.json"


def _rows(subject: Subject) -> dict[str, Mapping[str, object]]:
    """The rows that are there already."""
    path = _path(subject)
    rows: dict[str, Mapping[str, object]] = json.loads(path.read_text())["rows"] if path.exists() else {}
    return rows


def _line(row: Mapping[str, object]) -> str:
    metrics = row.get("metrics")
    if not isinstance(metrics, dict):
        return str(row.get("error"))
    return "  ".join(f"{name} {each['value']:.4f}, drop {each['drop']:.4f}" for name, each in metrics.items())


def _write(subject: Subject, rows: Mapping[str, object]) -> None:
    content = {
        "benchmark": subject.name,
        "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": f"python benchmarks/quality --nets {subject.name.removesuffix('_twin')}",
        "method": __doc__,
        **circumstances(),
        "task": subject.task.about,
        "items": len(subject.targets),
        "calibration_samples": len(subject.calibration),
        "fp32": subject.fp32,
        "rows": dict(sorted(rows.items())),
    }
    write_whole(_path(subject), json.dumps(content, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = {"type": lambda text: text.split(",")}
    parser.add_argument("--nets", default=list(TASKS), help=f"of {', '.join(TASKS)}", **names)
    parser.add_argument("--peer-python", help="a Python with ModelOpt and NNCF; without it, their rows are left out")
    parser.add_argument(
        "--ways", help="a pattern of names of rows, e.g. 'ours: mse*'; may be repeated", action="append"
    )
    parser.add_argument("--again", action="store_true", help="measure rows again that are there already")
    parser.add_argument("--quick", action="store_true", help="few items, to see that it works; nothing is written")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="rows that are measured at once")
    return parser.parse_args()


def main() -> None:
    """Nothing; results are written."""
    torch.set_num_threads(1)
    asked = _arguments()
    for name in asked.nets:
        run(name, asked)


if __name__ == "__main__":
    main()
