"""Small nets on their way to an engine: what they are, how they are called, their graph, and their ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from passes.exported import run
from passes.nets import CASES, Residual
from torch import Tensor, nn
from zoo.boundaries import boundary_of

from lightning_trt.artifacts import Range, Ranges
from lightning_trt.passes import quantized_tensors, tap
from lightning_trt.precision import Precision, PrecisionHome
from lightning_trt.settings import BuildSettings
from lightning_trt.stages.build import build
from lightning_trt.stages.export import export
from lightning_trt.stages.rewrite import rewrite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lightning_trt.artifacts import Boundary, Candidate, Engine, OnnxGraph
    from lightning_trt.protocols import Backend

__all__ = ["Net", "built", "candidate", "net"]

Call = tuple[tuple[Any, ...], dict[str, Any]]


class Nested(nn.Module):
    """A dict and keyword arguments in, a nest of floats, whole numbers and booleans out."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, parts: dict[str, Tensor], *, rows: Tensor, scale: float) -> dict[str, object]:
        """Scores, and what follows from them."""
        scores = self.layer(parts["x"]) * scale + parts["bias"] + rows.to(torch.float32)
        return {"scores": scores, "more": (scores.argmax(1), [scores > 0])}


@dataclass(frozen=True, kw_only=True)
class Net:
    """A module, one call of it for any number of samples, and what the exporter makes of it."""

    module: nn.Module
    call: Callable[[int], Call]
    boundary: Boundary
    inputs: tuple[Tensor, ...]
    graph: OnnxGraph

    def answer(self, samples: int) -> Any:
        """What the module itself gives."""
        args, kwargs = self.call(samples)
        with torch.no_grad():
            return self.module(*args, **kwargs)

    @property
    def ranges(self) -> Ranges:
        """Extremes of what will carry Q/DQ, on the exported call."""
        names = quantized_tensors(self.graph.model)
        feeds = {spec.name: tensor.numpy() for spec, tensor in zip(self.boundary.inputs, self.inputs, strict=True)}
        seen = {**run(tap(self.graph.model, names), feeds), **feeds}
        low_high = {name: (float(seen[name].min()), float(seen[name].max())) for name in names}
        return Ranges(tensors={name: Range(low=low, high=high) for name, (low, high) in low_high.items()})


@cache
def net(name: str) -> Net:
    """`nested`, `wide`, or one of the nets of `passes.nets`, exported once a session.

    `wide` is a residual net on which kernels of 16 and 8 bits are the fastest.
    """
    if name == "nested":
        torch.manual_seed(0)
        return _net(Nested().eval(), _nested_call)
    case = replace(CASES["residual"], make=lambda: Residual(128)) if name == "wide" else CASES[name]
    return _net(case.net(), lambda samples: (tuple(_seeded(case.inputs, samples).values()), {}), axes=case.axes)


def candidate(
    net: Net, backend: Backend, *, precision: Precision, into: Path, settings: BuildSettings | None = None
) -> Candidate:
    """The net's candidate of that precision, as the stations make it; on one thread unless `settings` say otherwise."""
    graph = net.graph
    is_typed = backend.precision_lives_in is PrecisionHome.graph
    if is_typed or precision.is_quantized:
        ranges = net.ranges if precision.is_quantized else None
        rest = backend.high_precision if is_typed else Precision.fp32
        graph = rewrite(graph, precision=precision, high_precision=rest, ranges=ranges)
    return build(
        backend,
        {graph.boundary.name: graph},
        name=precision.value,
        precision=precision,
        calibrator="minmax" if precision.is_quantized else None,
        into=into,
        settings=settings or BuildSettings(threads=1),
        checkpoint_sha256="0" * 64,
    )


def built(
    net: Net, backend: Backend, *, precision: Precision, into: Path, settings: BuildSettings | None = None
) -> Engine:
    """The one engine of that candidate."""
    (engine,) = candidate(net, backend, precision=precision, into=into, settings=settings).engines.values()
    return engine


def _net(module: nn.Module, call: Callable[[int], Call], *, axes: dict[int, str] | None = None) -> Net:
    args, kwargs = call(4)
    boundary, inputs = boundary_of(module, *args, axes=axes or {}, **kwargs)
    graph = export(module, boundary, inputs=inputs)
    return Net(module=module, call=call, boundary=boundary, inputs=inputs, graph=graph)


def _seeded(inputs: Callable[[int], dict[str, Tensor]], samples: int) -> dict[str, Tensor]:
    torch.manual_seed(samples)
    return inputs(samples)


def _nested_call(samples: int) -> Call:
    generator = torch.Generator().manual_seed(samples)
    parts = {"x": torch.randn(samples, 4, generator=generator), "bias": torch.randn(samples, 3, generator=generator)}
    return (parts,), {"rows": torch.arange(samples)[:, None], "scale": 2.0}
