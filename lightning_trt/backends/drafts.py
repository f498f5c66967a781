"""From a graph to a plan, as far as all generations of TensorRT go the same way: parse, profiles, build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning_trt.artifacts import BATCH
from lightning_trt.errors import BuildError, SettingsError
from lightning_trt.passes import save

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lightning_trt.artifacts import OnnxGraph
    from lightning_trt.runtime._trt import Log, Package
    from lightning_trt.settings import TensorRTSettings

__all__ = ["ONNX_FILE", "Draft", "Sizes", "add_profile", "drafted", "refusal", "serialized", "sizes_of_axes"]

ONNX_FILE = "model.onnx"
"""What the plan was built from, beside it."""

Sizes = tuple[int, int, int]
"""Least, typical and largest size of an axis."""

_SHOWN = 4
# Where the user says nothing, an axis may grow to so many times the size that was seen.
_GROWTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A network that TensorRT has read, and how it shall be built; TensorRT does not keep `calibrator` alive."""

    trt: Package
    graph: OnnxGraph
    log: Log
    builder: Any  # TensorRT ships no types
    network: Any
    config: Any
    calibrator: Any = None


def drafted(trt: Package, graph: OnnxGraph, *, into: Path, is_typed: bool) -> Draft:
    """The network of `graph`, whose ONNX is left in the folder `into`, with an empty configuration.

    Raises:
        BuildError: TensorRT cannot read the graph; the sentence names the node.
    """
    log = trt.log()
    builder = trt.api.Builder(log.sink)
    network = trt.network(builder, is_typed=is_typed)
    parser = trt.api.OnnxParser(network, log.sink)
    path, *_ = save(graph.model, into / ONNX_FILE)
    # From a file, because weights may lie beside it.
    if not parser.parse_from_file(str(path)):
        raise _unreadable(trt, graph, parser, log)
    return Draft(
        trt=trt, graph=graph, log=log, builder=builder, network=network, config=builder.create_builder_config()
    )


def sizes_of_axes(graph: OnnxGraph, settings: TensorRTSettings) -> dict[str, Sizes]:
    """Sizes of each dynamic axis but the batch: the user's, else from the size that was seen.

    Raises:
        SettingsError: The size of an axis is known from nowhere.
    """
    names = {name for spec in graph.boundary.inputs for name in spec.dynamic_axes.values()} - {BATCH}
    sizes: dict[str, Sizes] = {}
    for name in sorted(names):
        if name in settings.axis_sizes:
            least, typical, largest = settings.axis_sizes[name]
            sizes[name] = (least, typical, largest)
        elif name in graph.sizes:
            sizes[name] = (1, graph.sizes[name], _GROWTH * graph.sizes[name])
        else:
            raise SettingsError(
                f"no size is known for the axis {name!r}; TensorRT needs the least, the typical and the largest. Set "
                f"build.tensorrt.axis_sizes, e.g. {{{name!r}: [1, 64, 512]}}."
            )
    return sizes


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


def refusal(draft: Draft, what: str, *, advice: str) -> BuildError:
    """The error that says what TensorRT did not do, in the words of its log."""
    said = " ".join(draft.log.errors()[:_SHOWN]) or "its log holds no error"
    return BuildError(f"{draft.trt.api.__name__} {draft.trt.version} {what}: {said}. {advice}, and export again.")


def _unreadable(trt: Package, graph: OnnxGraph, parser: Any, log: Log) -> BuildError:
    nodes = [f"{node.name} ({node.op_type})" for node in graph.model.graph]
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    said = [f"at {trt.node_of(error, nodes)}: {error.desc()}" for error in errors] or log.errors()
    return BuildError(
        f"{trt.api.__name__} {trt.version} cannot read the graph: {' '.join(said[:_SHOWN])}. Leave out this precision, "
        "or change that part of the module, and export again."
    )
