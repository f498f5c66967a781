"""TensorRT 8.6 and later: engines for the GPU that builds them.

Before strong typing (10) precision is asked of the builder: the graph stays fp32, or carries Q/DQ pairs with fp32
scales, or comes with ranges that go to the builder as a calibration cache.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from lightning_trt import platforms
from lightning_trt.artifacts import Engine
from lightning_trt.backends import native, timing
from lightning_trt.backends.drafts import add_profile, drafted, is_about_memory, serialized
from lightning_trt.backends.driver import no_gpu
from lightning_trt.backends.proof import proved
from lightning_trt.backends.shapes import profiles
from lightning_trt.backends.sources import CACHE_FILE
from lightning_trt.backends.trt_config import configure
from lightning_trt.backends.trt_file import described
from lightning_trt.errors import (
    BackendNotAvailableError,
    BuildMemoryError,
    EngineError,
    SessionError,
    UnsupportedPrecisionError,
)
from lightning_trt.passes import lower_opset
from lightning_trt.precision import Precision, PrecisionHome
from lightning_trt.runtime import _trt
from lightning_trt.runtime.gpu import GPU, gpu_here, uuid_here
from lightning_trt.runtime.trt_tensors import open_on_tensors
from lightning_trt.settings import HardwareCompatibility
from lightning_trt.storage import sha256_of, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor

    from lightning_trt.artifacts import Boundary, OnnxGraph, Ranges
    from lightning_trt.backends.drafts import Draft
    from lightning_trt.precision import DType
    from lightning_trt.protocols import Sample, Session
    from lightning_trt.settings import BuildSettings

__all__ = ["TensorRT"]

_FILE = "model.engine"
_ONLY_TYPED = frozenset({Precision.bf16, Precision.fp8})
# Which keys of the environment an engine is bound to.
_BOUND = {
    HardwareCompatibility.none: ("tensorrt", "cuda", "gpu", "compute_capability"),
    HardwareCompatibility.same_compute_capability: ("tensorrt", "cuda", "compute_capability"),
    HardwareCompatibility.ampere_plus: ("tensorrt", "cuda"),
}


class TensorRT:
    """TensorRT on the current GPU as a backend."""

    name = "tensorrt"
    high_precision = Precision.fp16

    def __init__(self) -> None:
        self._trt = _trt.package("tensorrt")
        self.version = self._trt.version
        self._gpu = _gpu(self.version)

    @property
    def precision_lives_in(self) -> PrecisionHome:
        """The graph where TensorRT has strong typing, else the builder."""
        return PrecisionHome.graph if self._trt.has_strong_typing else PrecisionHome.builder

    @property
    def environment(self) -> Mapping[str, str]:
        """Versions and GPU."""
        gpu = self._gpu
        return MappingProxyType(
            {
                "tensorrt": self.version,
                "cuda": gpu.cuda,
                "gpu": gpu.name,
                "compute_capability": gpu.compute_capability,
            }
        )

    def device(self) -> str | None:
        """The GPU, on which its builds time kernels."""
        return uuid_here()

    def why_not(self, precision: Precision) -> str | None:
        """A sentence why this precision cannot be had here, or None."""
        if precision in _ONLY_TYPED and not self._trt.has_strong_typing:
            return (
                f"tensorrt {self.version} builds no {precision.value} engines. Ask for fp16 or int8 here, or for "
                f"{precision.value} on TensorRT 10 or later."
            )
        gpu = self._gpu
        return platforms.why_not(precision, device=gpu.name, compute_capability=gpu.compute_capability)

    def build(self, graph: OnnxGraph, *, precision: Precision, into: Path, settings: BuildSettings) -> Engine:
        """The engine of `graph`, opened once to prove that it can be, and what its layers compute in.

        Raises:
            UnsupportedPrecisionError: `why_not` had a reason.
            SettingsError: The size of an axis is known from nowhere, or this TensorRT lacks what was asked for.
            BuildError: TensorRT cannot build the graph, or no layer got the precision.
            BuildMemoryError: The GPU has too little free memory to build it, or to open it.
        """
        if reason := self.why_not(precision):
            raise UnsupportedPrecisionError(reason)
        draft = self._drafted(graph, into=into, precision=precision, settings=settings)
        about = {**self.environment, "precision": precision.value}
        if settings.tensorrt.timing_iterations is not None:
            about["iterations"] = str(settings.tensorrt.timing_iterations)
        cache = timing.cache_path(settings.tensorrt.timing_cache, draft.graph.model, about=about)
        timing.offer(draft, cache)
        plan = serialized(draft)
        timing.keep(draft, cache)
        draft.log.close()
        path = write_whole(into / _FILE, plan)
        bound = _BOUND[settings.tensorrt.hardware_compatibility]
        environment = {key: self.environment[key] for key in bound}
        engine = self._engine(path, boundary=graph.boundary, precision=precision, environment=environment)
        layers = self._layers_of(engine)
        notes = proved(layers, precision, is_required=settings.require_precision)
        return replace(engine, layers=layers, notes=notes)

    def open(self, engine: Engine) -> Session[Tensor]:
        """A session of the engine, whose files were already checked."""
        return open_on_tensors(self._trt, engine)

    def adopt(self, path: Path) -> Engine:
        """The engine that the plan at `path` is; a plan says nothing of its precision, which counts as fp32.

        Raises:
            EngineError: This TensorRT cannot open it.
        """
        return self._engine(path, boundary=described(self._trt, path), precision=Precision.fp32, environment={})

    def _engine(
        self, path: Path, *, boundary: Boundary, precision: Precision, environment: Mapping[str, str]
    ) -> Engine:
        return Engine(
            folder=path.parent,
            file=path.name,
            sha256=sha256_of(path),
            bytes=path.stat().st_size,
            backend=self.name,
            backend_version=self.version,
            precision=precision,
            calibrator=None,
            boundary=boundary,
            build_seconds=0.0,  # the station holds the clock
            layers={},
            environment=environment,
        )

    def why_no_cache(self) -> str | None:
        """A sentence why neither caches are read nor own calibrators are there, or None."""
        if self._trt.has_calibrators:
            return None
        return (
            f"tensorrt {self.version} neither reads calibration caches nor calibrates by itself. Use "
            "calibration.quantized_by=pairs with it."
        )

    def calibrated(
        self, graph: OnnxGraph, samples: Iterable[Sample], *, algorithm: str, batch_size: int, settings: BuildSettings
    ) -> Ranges:
        """The ranges that TensorRT's own calibrator `algorithm` (`native.ALGORITHMS`) finds on `samples`.

        Raises:
            BackendNotAvailableError: This TensorRT calibrates no more.
            NoSamplesError: There are fewer samples than one batch.
            BuildError: TensorRT cannot run the graph.
        """
        if reason := self.why_no_cache():
            raise BackendNotAvailableError(reason)
        return native.calibrated(
            self._trt, graph, samples, algorithm=algorithm, batch_size=batch_size, settings=settings.tensorrt
        )

    def _layers_of(self, engine: Engine) -> Mapping[DType, int]:
        """What the layers of the engine that was just built compute in; it is opened for that."""
        try:
            with self.open(engine) as session:
                return session.layers()
        except (torch.cuda.OutOfMemoryError, EngineError, SessionError) as error:
            if not is_about_memory(str(error)):
                raise
            raise BuildMemoryError(
                f"the engine was built, and the GPU has too little free memory to open it: {error}. Free device "
                "memory, or set a smaller build.tensorrt.max_batch."
            ) from error

    def _drafted(self, graph: OnnxGraph, *, into: Path, precision: Precision, settings: BuildSettings) -> Draft:
        """The network with its profiles, flags and, where the graph brings ranges, its calibration cache."""
        is_typed = self._trt.has_strong_typing and graph.ranges is None
        if not self._trt.has_strong_typing:
            graph = replace(graph, model=lower_opset(graph.model))
        draft = drafted(self._trt, graph, into=into, is_typed=is_typed)
        for sizes in profiles(graph, settings.tensorrt):
            add_profile(draft, sizes)
        rest = settings.high_precision or self.high_precision
        configure(draft, precision, high_precision=rest, settings=settings.tensorrt)
        if graph.ranges is not None:
            cache = native.cache_text(self._trt, graph.ranges)
            write_whole(into / CACHE_FILE, cache)
            draft = replace(draft, calibrator=native.reading(self._trt, cache))
            draft.config.int8_calibrator = draft.calibrator
        return draft


def _gpu(version: str) -> GPU:
    gpu = gpu_here()
    if gpu is None:
        raise no_gpu(f"tensorrt {version}")
    return gpu
