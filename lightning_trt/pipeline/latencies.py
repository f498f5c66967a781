"""The latency of engines and of the reference, all boundaries of a model one after the other."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Latency
from lightning_trt.pipeline.beside import asked_beside, beside
from lightning_trt.pipeline.job import REFERENCE
from lightning_trt.settings import Beside
from lightning_trt.stages.measure import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import nn

    from lightning_trt.pipeline.job import Job
    from lightning_trt.stages.measure import Measured
    from lightning_trt.stages.probe import Probed

__all__ = ["Timed", "added", "timed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Latency by name, why an engine has none, and why something beside the engines has none, in words."""

    latencies: Mapping[str, tuple[Latency, ...]]
    failures: Mapping[str, Exception]
    notes: tuple[str, ...]


def timed(job: Job, probed: Mapping[str, Probed], engines: Mapping[str, Mapping[str, nn.Module]]) -> Timed:
    """The latency of the reference, of what stands beside the engines, and of `engines` by candidate and boundary."""
    found = [
        _measured(job, each, {candidate: modules[name] for candidate, modules in engines.items()})
        for name, each in probed.items()
    ]
    failures = {name: error for each in found for name, error in each.failures.items()}
    others = [each.value for each in Beside]
    return Timed(
        latencies=added([each.latencies for each in found]),
        failures={name: error for name, error in failures.items() if name not in others},
        notes=tuple(_note(name, failures[name]) for name in others if name in failures),
    )


def _measured(job: Job, probed: Probed, engines: Mapping[str, nn.Module]) -> Measured:
    settings = job.settings.latency
    reference = _reference_of(probed, job.subject.module)
    on_gpu = any(tensor.is_cuda for tensor in probed.inputs)
    others = beside(reference, asked=asked_beside(settings.beside, on_gpu=on_gpu))
    calls: dict[str, Callable[..., object]] = {REFERENCE: reference, **others, **engines}
    with warnings.catch_warnings():
        if others:
            # What torch says while it compiles is no business of whoever asked for engines.
            warnings.simplefilter("ignore")
        return measure(calls, probed.inputs, boundary=probed.boundary, settings=settings)


def _note(name: str, error: Exception) -> str:
    told = str(error).strip().partition("\n")[0]
    return f"{name} was not timed beside the engines: {type(error).__name__}: {told}"


def _reference_of(probed: Probed, module: nn.Module) -> nn.Module:
    """The part of `module` at the boundary, on the device of its inputs; after a fit our copy is on the CPU."""
    part = module.get_submodule(probed.boundary.name)
    devices = {tensor.device for tensor in probed.inputs if tensor.device.type != "cpu"}
    return deepcopy(part).to(devices.pop()) if devices else part


def added(parts: Sequence[Mapping[str, tuple[Latency, ...]]]) -> dict[str, tuple[Latency, ...]]:
    """The times of all `parts` added up, by name; names and batch sizes that a part lacks are left out.

    A sum of p90s or p99s is an upper bound of the whole's.

    Example:
        >>> from lightning_trt.artifacts import Latency
        >>> from lightning_trt.pipeline.latencies import added
        >>> one = Latency(batch=8, p50_ms=1.0, p90_ms=1.0, p99_ms=1.0, throughput=8000.0)
        >>> two = Latency(batch=8, p50_ms=3.0, p90_ms=3.0, p99_ms=3.0, throughput=8000 / 3)
        >>> added([{"fp16": (one,)}, {"fp16": (two,)}])["fp16"]
        (Latency(batch=8, p50_ms=4.0, p90_ms=4.0, p99_ms=4.0, throughput=2000.0),)
    """
    if not parts:
        return {}
    names = [name for name in parts[0] if all(name in part for part in parts)]
    return {name: _added([part[name] for part in parts]) for name in names}


def _added(sides: Sequence[tuple[Latency, ...]]) -> tuple[Latency, ...]:
    by_batch = [{each.batch: each for each in side} for side in sides]
    shared = [batch for batch in by_batch[0] if all(batch in side for side in by_batch)]
    return tuple(_sum([side[batch] for side in by_batch]) for batch in shared)


def _sum(times: Sequence[Latency]) -> Latency:
    return Latency(
        batch=times[0].batch,
        p50_ms=sum(each.p50_ms for each in times),
        p90_ms=sum(each.p90_ms for each in times),
        p99_ms=sum(each.p99_ms for each in times),
        throughput=1 / sum(1 / each.throughput for each in times),
    )
