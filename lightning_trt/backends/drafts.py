"""From a graph to a plan, as far as all generations of TensorRT go the same way: parse, profiles, build."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning_trt.backends.sources import LOG_FILE, ONNX_FILE
from lightning_trt.errors import (
    BackendNotAvailableError,
    BuildError,
    BuildMemoryError,
    DriverTooOldError,
)
from lightning_trt.passes import save

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lightning_trt.artifacts import OnnxGraph
    from lightning_trt.backends.shapes import Sizes
    from lightning_trt.runtime._trt import Log, Package

__all__ = ["Draft", "add_profile", "drafted", "is_about_memory", "refusal", "serialized"]

_SHOWN = 4
# CUDA's error for a driver that does not know the library's version.
_OLD_DRIVER = "error: 35"
# TensorRT has several words for it, e.g. "Requested amount of GPU memory (... bytes) could not be allocated".
# CUDA's number for it, where a library only starts, is 2.
_NO_MEMORY = re.compile(
    r"out of memory|memory .*could not be allocated|insufficient memory|OutOfMemory|initialization .*error: 2\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A network that TensorRT has read, and how it shall be built.

    The network's weights lie in `parser`, and TensorRT keeps neither it nor `calibrator` alive until the build.
    """

    trt: Package
    graph: OnnxGraph
    log: Log
    builder: Any  # TensorRT ships no types
    network: Any
    parser: Any
    config: Any
    calibrator: Any = None


def drafted(trt: Package, graph: OnnxGraph, *, into: Path, is_typed: bool) -> Draft:
    """The network of `graph`, whose ONNX is left in the folder `into`, with an empty configuration.

    What TensorRT says from here on is written into `into` as it is said.

    Raises:
        BackendNotAvailableError: TensorRT cannot start on this GPU and driver.
        BuildMemoryError: There is no free memory on the GPU.
        BuildError: TensorRT cannot read the graph; the sentence names the node.
    """
    log = trt.log(into / LOG_FILE)
    builder = _builder(trt, log)
    network = trt.network(builder, is_typed=is_typed)
    parser = trt.api.OnnxParser(network, log.sink)
    path, *_ = save(graph.model, into / ONNX_FILE)
    # From a file, because weights may lie beside it.
    if not parser.parse_from_file(str(path)):
        raise _unreadable(trt, graph, parser, log)
    config = builder.create_builder_config()
    return Draft(trt=trt, graph=graph, log=log, builder=builder, network=network, parser=parser, config=config)


def add_profile(draft: Draft, sizes: Mapping[str, Sizes]) -> Any:
    """TensorRT's profile of these sizes of the dynamic axes, `batch` among them, tuned for the typical ones.

    Raises:
        BuildError: TensorRT does not take them.
    """
    profile = draft.builder.create_optimization_profile()
    for spec in draft.graph.boundary.inputs:
        if spec.dynamic_axes:
            shapes = [
                tuple(sizes[axis][at] if isinstance(axis, str) else axis for axis in spec.shape) for at in range(3)
            ]
            profile.set_shape(spec.name, *shapes)
    if draft.config.add_optimization_profile(profile) < 0:
        raise refusal(draft, f"does not take the sizes {dict(sizes)}", advice="Change build.tensorrt")
    return profile


def serialized(draft: Draft) -> bytes:
    """The plan.

    Raises:
        BuildError: TensorRT cannot build it; the sentence holds what its log says.
    """
    plan = draft.builder.build_serialized_network(draft.network, draft.config)
    if plan is None:
        raise refusal(draft, "cannot build the engine", advice="Leave out this precision, or change what it names")
    return bytes(plan)


def is_about_memory(said: str) -> bool:
    """Whether TensorRT, or torch, says that there is too little memory.

    Example:
        >>> from lightning_trt.backends.drafts import is_about_memory
        >>> is_about_memory("[defaultAllocator.cpp::allocate::19] Error Code 1: Cuda Runtime (out of memory)")
        True
    """
    return bool(_NO_MEMORY.search(said))


def refusal(draft: Draft, what: str, *, advice: str) -> BuildError:
    """The error that says what TensorRT did not do, in the words of its log; want of memory has its own."""
    errors = draft.log.errors()
    said = " ".join(errors[:_SHOWN]).rstrip(".") or "its log holds no error"
    who = f"{draft.trt.api.__name__} {draft.trt.version} {what}"
    if any(map(is_about_memory, errors)):
        return BuildMemoryError(
            f"{who} in the memory that is free: {said}. Free device memory, or set build.tensorrt.workspace_mb, or a "
            "smaller build.tensorrt.max_batch, and export again."
        )
    return BuildError(f"{who}: {said}. {advice}, and export again.")


def _builder(trt: Package, log: Log) -> Any:
    try:
        return trt.api.Builder(log.sink)
    except TypeError as error:  # what pybind makes of TensorRT's null pointer
        said = " ".join(log.errors()[:_SHOWN]) or str(error)
        if is_about_memory(said):
            raise BuildMemoryError(
                f"{trt.api.__name__} {trt.version} finds no free memory on the GPU to start in: {said}. Free some, and "
                "export again."
            ) from error
        is_old = _OLD_DRIVER in said
        raise (DriverTooOldError if is_old else BackendNotAvailableError)(
            f"{trt.api.__name__} {trt.version} cannot start here: {said}. "
            f"{'The driver is too old for it: update it' if is_old else 'See what `nvidia-smi` says'}, or take another "
            "backend."
        ) from error


def _unreadable(trt: Package, graph: OnnxGraph, parser: Any, log: Log) -> BuildError:
    nodes = [f"{node.name} ({node.op_type})" for node in graph.model.graph]
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    said = [f"at {trt.node_of(error, nodes)}: {error.desc()}" for error in errors] or log.errors()
    return BuildError(
        f"{trt.api.__name__} {trt.version} cannot read the graph: {' '.join(said[:_SHOWN])}. Leave out this precision, "
        "or change that part of the module, and export again."
    )
