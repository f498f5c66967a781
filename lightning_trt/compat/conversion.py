"""The road of `torch2trt()`: export, calibrate, rewrite, bind and build, by the stations that the callback goes by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lightning_trt import backends
from lightning_trt.artifacts import BATCH
from lightning_trt.compat.calibration import ranges_of, settings_for
from lightning_trt.compat.calls import as_samples, call_of, check_any, item_of, shapes_in
from lightning_trt.compat.keywords import check_taken
from lightning_trt.compat.profiles import profile_of
from lightning_trt.compat.report import ConversionReport
from lightning_trt.compat.samples import Slices
from lightning_trt.compat.tracing import traced
from lightning_trt.errors import ExportError, SettingsError
from lightning_trt.passes import LOWERED_OPSET, bind, opset_of, raise_opset
from lightning_trt.pipeline import planned
from lightning_trt.pipeline.written import written
from lightning_trt.precision import PrecisionHome
from lightning_trt.protocols import Builder
from lightning_trt.stages.build import build
from lightning_trt.stages.export import export

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from lightning_trt.artifacts import Engine, OnnxGraph
    from lightning_trt.compat.calls import Call, Samples
    from lightning_trt.compat.keywords import Keywords
    from lightning_trt.compat.profiles import Profile
    from lightning_trt.compat.tracing import Traced
    from lightning_trt.precision import DType
    from lightning_trt.protocols import Backend
    from lightning_trt.settings import BuildSettings

__all__ = ["Conversion", "converted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """The engine, and what is to be told of it."""

    engine: Engine
    report: ConversionReport


def converted(module: nn.Module, inputs: object, keywords: Keywords, *, into: Path) -> Conversion:
    """The engine of `module`, in the folder `into`: written whole, with its manifest, or not at all.

    Raises:
        BackendNotAvailableError: The backend cannot work here.
        UnsupportedPrecisionError: It has no such arithmetic.
        DataError: The inputs, or a sample, cannot serve.
        ExportError: The module does not become ONNX.
        BuildError: The backend could not build the engine.
    """
    choice = backends.choose(keywords.backend)
    check_taken(keywords, choice.backend)
    samples = as_samples(inputs)
    call = call_of(inputs) if samples is None else _first(samples, module)
    profile = profile_of(call.shapes, keywords, seen=None if samples is None else shapes_in(samples))
    settings = settings_for(keywords, choice.backend, profile)
    plan = planned(settings)
    (asked,) = plan.candidates
    names = {"input_names": keywords.input_names, "output_names": keywords.output_names}
    known, graph = _exported(traced(module, call, profile, **names), profile)
    graph = _in_opset(graph, keywords.onnx_opset, home=plan.backend.precision_lives_in)
    given = (keywords.int8_calib_dataset, samples, Slices(known.inputs, known.flexible.inputs))
    to_calibrate = next(each for each in given if each is not None)
    calibrated = ranges_of(graph, asked, to_calibrate, settings=settings, backend=plan.backend)
    rest = settings.build.high_precision or plan.backend.high_precision
    ranges = calibrated.ranges if calibrated else None
    graph = written(graph, asked, backend=plan.backend, high_precision=rest, ranges=ranges)
    candidate = build(
        plan.backend,
        {"": _bound(graph, known)},
        name=asked.name,
        precision=asked.precision,
        calibrator=asked.calibrator.value if asked.calibrator else None,
        into=into,
        settings=_sized(settings.build, known, profile),
    )
    engine = candidate.engines[""]
    report = ConversionReport.of(engine, _layers(engine, plan.backend), calibrated, why=choice.why)
    return Conversion(engine=engine, report=report)


def _layers(engine: Engine, backend: Backend) -> tuple[tuple[str, DType], ...]:
    """Name and data type of each layer, as far as the engine can be opened here."""
    if isinstance(backend, Builder) and backend.why_not_run():
        return tuple((f"layer {number}", dtype) for dtype, count in engine.layers.items() for number in range(count))
    with backend.open(engine) as session:
        return session.typed_layers()


def _first(samples: Samples, module: nn.Module) -> Call:
    """The call of a dataset's first sample, on the module's device: samples may lie anywhere."""
    check_any(samples)
    call = call_of(item_of(samples, 0))
    home = next((each.device for each in (*module.parameters(), *module.buffers())), None)
    return call if home is None else replace(call, tensors=tuple(tensor.to(home) for tensor in call.tensors))


def _exported(known: Traced, profile: Profile) -> tuple[Traced, OnnxGraph]:
    """The graph with every axis free that may be; where that cannot be exported, with the batch of the inputs alone."""
    try:
        return known, export(known.module, known.flexible, inputs=known.inputs)
    except ExportError:
        if profile.has_dynamic_batch or known.rigid == known.flexible:
            raise
    rigid = replace(known, flexible=known.rigid)
    return rigid, export(rigid.module, rigid.flexible, inputs=rigid.inputs)


def _in_opset(graph: OnnxGraph, asked: int | None, *, home: PrecisionHome) -> OnnxGraph:
    """The graph in the opset that was asked for; graphs are raised, and by the backend that needs it lowered."""
    if asked is None or (home is PrecisionHome.builder and asked == LOWERED_OPSET):
        return graph
    least = opset_of(graph.model)
    can_be = (
        f"{LOWERED_OPSET} alone, the newest that it reads"
        if home is PrecisionHome.builder
        else f"{least} or later, as far as it converts"
    )
    refusal = SettingsError(
        f"onnx_opset={asked} cannot be had: for this backend it is {can_be}. Ask for that, or none."
    )
    if home is PrecisionHome.builder or asked < least:
        raise refusal
    try:
        return replace(graph, model=raise_opset(graph.model, asked))
    except ExportError as error:
        raise refusal from error


def _bound(graph: OnnxGraph, known: Traced) -> OnnxGraph:
    """The graph with the boundary that was asked for."""
    pairs = [
        (free, asked)
        for side in ("inputs", "outputs")
        for free, asked in zip(getattr(known.flexible, side), getattr(known.asked, side), strict=True)
    ]
    sizes = {
        name: size
        for free, asked in pairs
        for axis, name in free.dynamic_axes.items()
        if isinstance(size := asked.shape[axis], int)
    }
    half = frozenset(asked.name for _, asked in pairs if asked.dtype == "float16")
    model, behind = bind(graph.model, sizes=sizes, half=half)
    ranges = graph.ranges
    if ranges is not None:
        moved = {behind[name]: each for name, each in ranges.tensors.items() if name in behind}
        ranges = replace(ranges, tensors={**ranges.tensors, **moved})
    return replace(graph, model=model, boundary=known.asked, ranges=ranges)


def _sized(settings: BuildSettings, known: Traced, profile: Profile) -> BuildSettings:
    """The settings with the sizes that free axes may have."""
    sizes = {
        name: list(profile.sizes(index, axis))
        for index, spec in enumerate(known.asked.inputs)
        for axis, name in spec.dynamic_axes.items()
    }
    batch = sizes.pop(BATCH, None)
    tensorrt = replace(settings.tensorrt, axis_sizes=sizes)
    if batch is not None:
        tensorrt = replace(tensorrt, typical_batch=batch[1], max_batch=batch[2])
    return replace(settings, tensorrt=tensorrt)
