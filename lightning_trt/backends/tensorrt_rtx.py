"""TensorRT-RTX: typed graphs, built anywhere, for GeForce and RTX GPUs; the GPU that runs them chooses the kernels."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Engine
from lightning_trt.backends.drafts import add_profile, drafted, serialized
from lightning_trt.backends.driver import no_gpu
from lightning_trt.backends.proof import proved
from lightning_trt.backends.rtx_plan import layers_of
from lightning_trt.backends.shapes import one_profile
from lightning_trt.backends.trt_config import set_effort
from lightning_trt.errors import BackendNotAvailableError, SettingsError, UnsupportedPrecisionError
from lightning_trt.platforms import gives, parts_of
from lightning_trt.precision import Precision, PrecisionHome
from lightning_trt.runtime import _trt
from lightning_trt.runtime.gpu import gpu_here, uuid_here
from lightning_trt.settings import HardwareCompatibility
from lightning_trt.storage import sha256_of, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from lightning_trt.artifacts import OnnxGraph
    from lightning_trt.backends.drafts import Draft
    from lightning_trt.protocols import Session
    from lightning_trt.settings import BuildSettings, TensorRTSettings

__all__ = ["TensorRTRTX"]

_FILE = "model.rtx"
# Before, it refuses fp32 products, and runs int8 convolutions as fp16.
_LEAST = (8, 0)


class TensorRTRTX:
    """TensorRT-RTX as a backend: it builds without a GPU, and runs on GPUs of compute capability 7.5, 8.x and 12.x."""

    name = "tensorrt_rtx"
    precision_lives_in = PrecisionHome.graph
    high_precision = Precision.fp16

    def __init__(self) -> None:
        self._trt = _trt.package("tensorrt_rtx")
        self.version = self._trt.version

    @property
    def environment(self) -> Mapping[str, str]:
        """The version, which plans are bound to; GPUs of every capability that was built for run them."""
        return MappingProxyType({"tensorrt_rtx": self.version})

    def device(self) -> str | None:
        """The GPU, where there is one: engines are timed on it, and builds ask for none."""
        return uuid_here()

    def why_not(self, precision: Precision) -> str | None:
        """A sentence why this precision cannot be had, or None: some GPU has each of them, and no GPU is needed."""
        if self._capabilities(precision):
            return None
        return f"tensorrt_rtx {self.version} builds {precision.value} for no GPU. Ask for another precision on it."

    def why_not_run(self) -> str | None:
        """A sentence why engines cannot run here, or None."""
        gpu = gpu_here()
        if gpu is None:
            return f"{no_gpu('running engines of tensorrt_rtx')} They can be built here all the same."
        if gpu.compute_capability not in self._known():
            return (
                f"tensorrt_rtx does not run on {gpu.name}, of compute capability {gpu.compute_capability}: it serves "
                f"{', '.join(self._known())}."
            )
        return None

    def build(self, graph: OnnxGraph, *, precision: Precision, into: Path, settings: BuildSettings) -> Engine:
        """The engine of `graph`, for every compute capability that was asked for.

        Raises:
            UnsupportedPrecisionError: A GPU that was asked for has no such arithmetic.
            SettingsError: A compute capability is unknown here, or the size of an axis.
            BuildError: TensorRT-RTX cannot build the graph, or no layer got the precision.
        """
        capabilities = self._asked(precision, settings.tensorrt)
        draft = drafted(self._trt, graph, into=into, is_typed=True)
        for sizes in one_profile(graph, settings.tensorrt):
            add_profile(draft, sizes)
        set_effort(draft, settings.tensorrt)
        self._configure(draft, capabilities, precision=precision)
        plan = serialized(draft)
        draft.log.close()
        path = write_whole(into / _FILE, plan)
        layers = layers_of(plan)
        return Engine(
            folder=into,
            file=_FILE,
            sha256=sha256_of(path),
            bytes=len(plan),
            backend=self.name,
            backend_version=self.version,
            precision=precision,
            calibrator=None,
            boundary=graph.boundary,
            build_seconds=0.0,  # the station holds the clock
            layers=layers,
            environment=self.environment,
            options={"compute_capabilities": ",".join(capabilities)},
            notes=proved(layers, precision, is_required=settings.require_precision),
        )

    def open(self, engine: Engine) -> Session[Tensor]:
        """A session of the engine, whose files were already checked.

        Raises:
            BackendNotAvailableError: No GPU here runs it.
        """
        if reason := self.why_not_run():
            raise BackendNotAvailableError(
                f"{reason} Load the engine in {engine.folder} on a GPU that it was built for."
            )
        from lightning_trt.runtime.trt_tensors import open_on_tensors  # noqa: PLC0415 - needs a GPU's torch

        return open_on_tensors(self._trt, engine)

    def _capabilities(self, precision: Precision) -> tuple[str, ...]:
        """Those of `_known` that have the precision."""
        least = (0, 0) if precision is Precision.fp16 else _LEAST
        return tuple(each for each in self._known() if precision in gives(each) and parts_of(each) >= least)

    def _known(self) -> tuple[str, ...]:
        """Compute capabilities that this package builds for, ascending."""
        names = [name for name in dir(self._trt.api.ComputeCapability) if name[:2] == "SM"]
        return tuple(sorted((f"{name[2:-1]}.{name[-1]}" for name in names), key=parts_of))

    def _asked(self, precision: Precision, settings: TensorRTSettings) -> tuple[str, ...]:
        possible, known = self._capabilities(precision), self._known()
        if settings.hardware_compatibility is not HardwareCompatibility.none:
            raise SettingsError(
                f"build.tensorrt.hardware_compatibility is {settings.hardware_compatibility.value}, which tensorrt_rtx "
                "has not: name GPUs in build.tensorrt.compute_capabilities, or leave both out to build for all."
            )
        for each in settings.compute_capabilities:
            if each not in known:
                raise SettingsError(
                    f"build.tensorrt.compute_capabilities has {each!r}; tensorrt_rtx {self.version} builds for "
                    f"{', '.join(known)}."
                )
            if each not in possible:
                raise UnsupportedPrecisionError(
                    f"{precision.value} needs compute capability {possible[0]} on tensorrt_rtx, and {each} was asked "
                    "for in build.tensorrt.compute_capabilities. Leave out one of the two."
                )
        return settings.compute_capabilities or possible

    def _configure(self, draft: Draft, capabilities: tuple[str, ...], *, precision: Precision) -> None:
        draft.config.num_compute_capabilities = len(capabilities)
        for index, each in enumerate(capabilities):
            member = getattr(self._trt.api.ComputeCapability, f"SM{each.replace('.', '')}")
            draft.config.set_compute_capability(member, index)
        self._trt.set_flag(draft.config, "TF32", on=precision is not Precision.fp32)
