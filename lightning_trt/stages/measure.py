"""Station *measure*: how long a call takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from lightning_trt.artifacts import Latency
from lightning_trt.runtime.batch import batch_of, sized
from lightning_trt.runtime.structure import unflatten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from lightning_trt.artifacts import Boundary
    from lightning_trt.settings import LatencySettings

__all__ = ["Measured", "measure"]

_ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Latency at each batch size by name, and why a name has none: what it raised."""

    latencies: Mapping[str, tuple[Latency, ...]]
    failures: Mapping[str, Exception]


def measure(
    calls: Mapping[str, Callable[..., object]],
    inputs: tuple[Tensor, ...],
    *,
    boundary: Boundary,
    settings: LatencySettings,
) -> Measured:
    """Latency of each callable at each batch size, all of them called like the boundary, in turns.

    For one batch size after another each callable is first called once, then warmed up for `warmup_seconds`; one that
    raises then is left out from there on. Then ten rounds follow, and in each every callable has its turn of a tenth of
    `seconds`, one call at least: what else the machine does hits all of them alike. Every call is timed alone, under
    inference mode: on a GPU between two CUDA events, the next one starting when it is idle again, else by the clock.

    Args:
        calls: What to time, by name.
        inputs: Real inputs of one call, flat; a batch of another size repeats their samples, or takes the first ones.
        boundary: How they nest. Without a batch axis the inputs are timed as they are, as one sample.
        settings: Batch sizes and times.
    """
    sizes = settings.batch_sizes if batch_of(boundary, inputs) is not None else (1,)
    latencies: dict[str, list[Latency]] = {name: [] for name in calls}
    failures: dict[str, Exception] = {}
    with torch.inference_mode():
        for batch in sizes:
            clocked = _clocked(calls, sized(boundary, inputs, batch), boundary)
            raised = {name: _failure(call, seconds=settings.warmup_seconds) for name, call in clocked.items()}
            failures |= {name: error for name, error in raised.items() if error is not None}
            ready = {name: call for name, call in clocked.items() if name not in failures}
            for name, times_ms in _times(ready, seconds=settings.seconds).items():
                latencies[name].append(_latency(times_ms, batch=batch))
    measured = {name: tuple(each) for name, each in latencies.items() if name not in failures}
    return Measured(latencies=measured, failures=failures)


def _clocked(
    calls: Mapping[str, Callable[..., object]], inputs: tuple[Tensor, ...], boundary: Boundary
) -> dict[str, Callable[[], float]]:
    """Each callable as one that takes nothing and gives the milliseconds until its results were there."""
    args, kwargs = cast("tuple[tuple[Any, ...], dict[str, Any]]", unflatten(boundary.input_structure, inputs))
    clock = _ms_on_gpu if any(tensor.is_cuda for tensor in inputs) else _ms_on_processor
    return {name: partial(clock, partial(call, *args, **kwargs)) for name, call in calls.items()}


def _ms_on_gpu(call: Callable[[], object]) -> float:
    """Milliseconds between two CUDA events around the call, on the caller's stream."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


def _ms_on_processor(call: Callable[[], object]) -> float:
    started = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - started) / 1e6


def _failure(call: Callable[[], float], *, seconds: float) -> Exception | None:
    """What the call raises while it is warmed up; None where all is well."""
    try:
        call()  # it may compile, however long that takes
        _times_within(call, seconds=seconds)
    except Exception as error:  # noqa: BLE001 - one candidate's failure must not cost the others their latency
        return error
    return None


def _times(calls: Mapping[str, Callable[[], float]], *, seconds: float) -> dict[str, list[float]]:
    """Milliseconds of each call, by name."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            times[name] += _times_within(call, seconds=seconds / _ROUNDS)
    return times


def _times_within(call: Callable[[], float], *, seconds: float) -> list[float]:
    """Milliseconds of each call made in that time; one at least."""
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while not times or time.perf_counter() < stop:
        times.append(call())
    return times


def _latency(times_ms: list[float], *, batch: int) -> Latency:
    p50_ms, p90_ms, p99_ms = (float(each) for each in np.percentile(times_ms, [50, 90, 99]))
    throughput = float(batch * len(times_ms) / (sum(times_ms) / 1e3))
    return Latency(batch=batch, p50_ms=p50_ms, p90_ms=p90_ms, p99_ms=p99_ms, throughput=throughput)
