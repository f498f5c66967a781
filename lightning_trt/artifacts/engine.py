"""What was built, and how fast it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lightning_trt.artifacts.boundary import Boundary
    from lightning_trt.precision import DType, Precision, PrecisionHome

__all__ = ["Candidate", "Engine", "Latency", "Recipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How an engine was built from the graph beside it, so that it can be built again.

    `settings` are those of the build as JSON holds them, without the folder of timing caches. `sizes` are those of the
    graph's dynamic axes in the call that was exported. `precision_lives_in` says whether the graph's types tell the
    whole precision, or the builder was told the rest.
    """

    settings: Mapping[str, Any]
    sizes: Mapping[str, int]
    precision_lives_in: PrecisionHome


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A built engine in its folder; the manifest beside the plan is this, written down.

    `file` is the plan's name in `folder`, `sha256` its digest. `layers` counts layers by the data type they compute
    in: the proof of precision. `environment` holds what loading must find again (`gpu`, `compute_capability`,
    `cuda`, ... where they matter), `options` how its backend opens it. `recipe` is None where nothing is known of how
    it was built.
    """

    folder: Path
    file: str
    sha256: str
    bytes: int
    backend: str
    backend_version: str
    precision: Precision
    calibrator: str | None
    boundary: Boundary
    build_seconds: float
    layers: Mapping[DType, int]
    checkpoint_sha256: str | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    recipe: Recipe | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A precision with what it needs, built: one engine for each boundary, by boundary name."""

    name: str
    precision: Precision
    calibrator: str | None
    folder: Path
    engines: Mapping[str, Engine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time of one call at one batch size; `throughput` in samples per second."""

    batch: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    throughput: float
