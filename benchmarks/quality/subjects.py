"""A net or its twin, and every way of quantizing it: ours here, the others' in a Python of theirs."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
from auto import auto
from ours import answers, exported, int8, statistics_of
from scores import signal_to_noise
from tasks import TASKS, newly_trained, shortened, trained
from twins import twin

from lightning_trt.passes import WeightRanges, equalize
from lightning_trt.settings import CalibratorName

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from tasks import Task
    from torch import Tensor, nn

    from lightning_trt.artifacts import MetricReport, OnnxGraph, Statistics

__all__ = ["Subject", "by_peer", "our_ways", "subjects_of"]

WEIGHTS = {
    "per channel": WeightRanges(),
    "per channel, clipped": WeightRanges(clipped=True),
    "per tensor": WeightRanges(per_tensor=True),
    "per tensor, clipped": WeightRanges(per_tensor=True, clipped=True),
}
ONE_KIND = {"per channel": WeightRanges()}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A net or its twin, ready to be quantized and scored."""

    name: str
    task: Task
    graph: OnnxGraph
    calibration: Tensor
    inputs: Tensor
    targets: NDArray[np.generic]
    reference: NDArray[np.float32]

    @cached_property
    def fp32(self) -> dict[str, float]:
        """The metrics of fp32."""
        metrics = self.task.score(self.reference, self.reference, self.targets)
        return {name: each.value for name, each in metrics.items()}

    def score(self, model: ir.Model) -> dict[str, object]:
        """Metrics of an int8 graph beside those of fp32, how near its outputs are, and the share of changed classes."""
        outputs, score = answers(model, self.inputs), self.task.score
        metrics = score(outputs, self.reference, self.targets)
        noise = signal_to_noise(outputs, self.reference)
        row = {
            "metrics": {name: _told(each) for name, each in metrics.items()},
            "signal_to_noise_db": round(noise, 1) if np.isfinite(noise) else None,
        }
        flipped = outputs.argmax(1) != self.reference.argmax(1) if score.has_classes else None
        return row if flipped is None else {**row, "flipped": float(flipped.mean())}


def _told(metric: MetricReport) -> dict[str, object]:
    numbers = ("value", "drop", "drop_low", "drop_high")
    told: dict[str, object] = {name: getattr(metric, name) for name in numbers}
    evidence = asdict(metric.evidence) if metric.evidence else {}
    return told | {name: evidence[name] for name in ("n", "worse", "better", "changed") if name in evidence}


def subjects_of(name: str, *, quick: bool = False) -> tuple[Subject, Subject]:
    """The task's net, trained, and its twin, which was checked to compute the same bits."""
    task = shortened(TASKS[name]) if quick else TASKS[name]
    net = newly_trained(task) if quick else trained(name)
    plain, other = _subject(name, task, net), _subject(f"{name}_twin", task, twin(net))
    if not np.array_equal(plain.reference, other.reference):
        raise SystemExit(f"the twin of {name} does not compute what it computes; look at the net's streams.")
    return plain, other


def _subject(name: str, task: Task, net: nn.Module) -> Subject:
    inputs, targets = task.data().test
    graph = exported(net, inputs)
    return Subject(
        name=name,
        task=task,
        graph=graph,
        calibration=task.data().calibration,
        inputs=inputs,
        targets=targets.numpy(),
        reference=answers(graph.model, inputs),
    )


def our_ways(subject: Subject) -> dict[str, Callable[[], ir.Model]]:
    """How to make each of our graphs, by its name, from one pass over the samples for each float graph."""
    plain, equalized = subject.graph, replace(subject.graph, model=equalize(subject.graph.model))
    seen = [_once(partial(statistics_of, graph, subject.calibration)) for graph in (plain, equalized)]
    return {
        **_ways_of(equalized, seen[1], "equalized, "),
        **_ways_of(plain, seen[0], ""),
        "ours: auto, equalized, per channel": lambda: auto(equalized, seen[1](), subject.calibration),
    }


def _ways_of(graph: OnnxGraph, seen: Callable[[], Statistics], how: str) -> dict[str, Callable[[], ir.Model]]:
    def made(calibrator: CalibratorName, weights: WeightRanges) -> ir.Model:
        return int8(graph, seen(), calibrator, weights)

    return {
        f"ours: {calibrator.value}, {how}{kind}": partial(made, calibrator, weights)
        for calibrator in CalibratorName
        for kind, weights in (WEIGHTS if calibrator is CalibratorName.mse else ONE_KIND).items()
    }


def _once(make: Callable[[], Statistics]) -> Callable[[], Statistics]:
    """What `make` gives, made by whoever asks first while the others wait."""
    kept, turn = cache(make), Lock()

    def get() -> Statistics:
        with turn:
            return kept()

    return get


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
