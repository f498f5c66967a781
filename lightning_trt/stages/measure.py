"""Station *measure*: how long a call takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
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

    For one batch size after another each callable is first warmed up for `warmup_seconds`; one that raises then is left
    out from there on. Then ten rounds follow, and in each every callable has its turn of a tenth of `seconds`, one call
    at least: what else the machine does hits all of them alike. A call is timed from its start to its results, on a GPU
    until it is idle again, under inference mode.

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
            bound = _bound(calls, sized(boundary, inputs, batch), boundary)
            raised = {name: _failure(call, seconds=settings.warmup_seconds) for name, call in bound.items()}
            failures |= {name: error for name, error in raised.items() if error is not None}
            ready = {name: call for name, call in bound.items() if name not in failures}
            for name, times_ns in _times(ready, seconds=settings.seconds).items():
                latencies[name].append(_latency(times_ns, batch=batch))
    measured = {name: tuple(each) for name, each in latencies.items() if name not in failures}
    return Measured(latencies=measured, failures=failures)


def _bound(
    calls: Mapping[str, Callable[..., object]], inputs: tuple[Tensor, ...], boundary: Boundary
) -> dict[str, Callable[[], None]]:
    """Each callable as one that takes nothing and returns when its results are there."""
    args, kwargs = cast("tuple[tuple[Any, ...], dict[str, Any]]", unflatten(boundary.input_structure, inputs))
    uses_cuda = any(tensor.is_cuda for tensor in inputs)

    def bound(call: Callable[..., object]) -> Callable[[], None]:
        def run() -> None:
            call(*args, **kwargs)
            if uses_cuda:
                torch.cuda.synchronize()

        return run

    return {name: bound(call) for name, call in calls.items()}


def _failure(call: Callable[[], None], *, seconds: float) -> Exception | None:
    """What the call raises while it is warmed up; None where all is well."""
    try:
        _times_within(call, seconds=seconds)
    except Exception as error:  # noqa: BLE001 - one candidate's failure must not cost the others their latency
        return error
    return None


def _times(calls: Mapping[str, Callable[[], None]], *, seconds: float) -> dict[str, list[int]]:
    """Nanoseconds of each call, by name."""
    times: dict[str, list[int]] = {name: [] for name in calls}
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            times[name] += _times_within(call, seconds=seconds / _ROUNDS)
    return times


def _times_within(call: Callable[[], None], *, seconds: float) -> list[int]:
    """Nanoseconds of each call made in that time; one at least."""
    times: list[int] = []
    stop = time.perf_counter_ns() + int(seconds * 1e9)
    started = time.perf_counter_ns()
    while not times or started < stop:
        call()
        ended = time.perf_counter_ns()
        times.append(ended - started)
        started = ended
    return times


def _latency(times_ns: list[int], *, batch: int) -> Latency:
    times_ms = np.asarray(times_ns) / 1e6
    p50_ms, p90_ms, p99_ms = (float(each) for each in np.percentile(times_ms, [50, 90, 99]))
    throughput = float(batch * len(times_ms) / (times_ms.sum() / 1e3))
    return Latency(batch=batch, p50_ms=p50_ms, p90_ms=p90_ms, p99_ms=p99_ms, throughput=throughput)
