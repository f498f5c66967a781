"""What is timed beside the engines, and the latency of several boundaries called one after the other."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Latency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from lightning_trt.stages.probe import Probed

__all__ = ["added", "reference_of"]


def reference_of(probed: Probed, module: nn.Module) -> nn.Module:
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
