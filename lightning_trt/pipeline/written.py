"""The graph that a backend is given for one candidate: the same on every way to an engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lightning_trt.precision import Precision, PrecisionHome
from lightning_trt.settings import QuantizedBy
from lightning_trt.stages.rewrite import rewrite

if TYPE_CHECKING:
    from lightning_trt.artifacts import OnnxGraph, Ranges
    from lightning_trt.passes import WeightRanges
    from lightning_trt.pipeline.plan import Asked
    from lightning_trt.protocols import Backend

__all__ = ["written"]


def written(
    graph: OnnxGraph,
    asked: Asked,
    *,
    backend: Backend,
    high_precision: Precision,
    ranges: Ranges | None,
    weights: WeightRanges | None = None,
) -> OnnxGraph:
    """The graph with what `backend` reads in it: the precision, or Q/DQ alone where types are the builder's.

    Args:
        graph: As it was exported.
        asked: The candidate.
        backend: What will build it.
        high_precision: What a quantized candidate computes the rest in.
        ranges: What it quantizes by; None where it is not quantized.
        weights: How the ranges of weights are found; None gives each output channel all of its values.

    Raises:
        DataError: A quantized precision without ranges, or ranges that do not fit the graph.
        ExportError: The graph cannot be raised to the opset that its types need.
    """
    is_typed = backend.precision_lives_in is PrecisionHome.graph
    if not is_typed and not asked.precision.is_quantized:
        return graph
    if asked.quantized_by is not QuantizedBy.pairs:
        return replace(graph, ranges=ranges)
    rest = high_precision if is_typed else Precision.fp32
    return rewrite(graph, precision=asked.precision, high_precision=rest, ranges=ranges, weights=weights)
