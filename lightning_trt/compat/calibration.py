"""Which calibrator finds the ranges, and on how many samples it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from lightning_trt import calibrators
from lightning_trt.compat.samples import pulled
from lightning_trt.notices import notice
from lightning_trt.precision import Precision
from lightning_trt.protocols import NativeCalibration
from lightning_trt.runtime.batch import is_batched
from lightning_trt.settings import (
    BuildSettings,
    CalibrationSettings,
    CalibratorName,
    ExportSettings,
    NativeCalibrator,
    QuantizedBy,
    TensorRTSettings,
)
from lightning_trt.stages.calibrate import calibrate

if TYPE_CHECKING:
    from lightning_trt.artifacts import OnnxGraph, Ranges
    from lightning_trt.compat.calls import Samples
    from lightning_trt.compat.keywords import Keywords
    from lightning_trt.compat.profiles import Profile
    from lightning_trt.pipeline.plan import Asked
    from lightning_trt.protocols import Backend

__all__ = ["Calibrated", "ranges_of", "settings_for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """The ranges, who found them, and on what: whole batches of `batch_size`, unless the last one was smaller."""

    ranges: Ranges
    by: str
    num_samples: int
    num_batches: int
    batch_size: int
    notes: tuple[str, ...] = ()


def settings_for(keywords: Keywords, backend: Backend, profile: Profile) -> ExportSettings:
    """The keywords as the settings of one candidate: its precision, and its calibrator, TensorRT's own where it is."""
    native = _native(keywords, backend, profile)
    precision = Precision.int8 if keywords.is_quantized else Precision.fp16 if keywords.fp16_mode else Precision.fp32
    return ExportSettings(
        precisions=(precision,),
        calibrators=(keywords.algorithm.calibrator,),
        backend=backend.name,
        calibration=CalibrationSettings(
            batch_size=keywords.int8_calib_batch_size,
            quantized_by=(QuantizedBy.pairs if native is None else QuantizedBy.native,),
            native=() if native is None else (native,),
        ),
        build=BuildSettings(
            # In torch2trt a mode allows a precision; the report says what became of it.
            require_precision=False,
            high_precision=Precision.fp16 if keywords.fp16_mode else Precision.fp32,
            tensorrt=TensorRTSettings(
                workspace_mb=keywords.workspace_mb,
                timing_iterations=keywords.avg_timing_iterations,
                strict_types=keywords.strict_type_constraints,
            ),
        ),
    )


def ranges_of(
    graph: OnnxGraph, asked: Asked, samples: Samples, *, settings: ExportSettings, backend: Backend
) -> Calibrated | None:
    """The ranges of the candidate's calibrator on all samples, read batch by batch; None where nothing is quantized.

    Raises:
        NoSamplesError: There are no samples.
        DataError: A sample cannot be read, or is not like the inputs.
    """
    if not asked.precision.is_quantized:
        return None
    batch_size = settings.calibration.batch_size or 1
    if asked.quantized_by is QuantizedBy.native:
        return _found_natively(graph, asked, samples, batch_size=batch_size, settings=settings, backend=backend)
    calibrator = calibrators.find(cast("CalibratorName", asked.calibrator), settings.calibration)
    batches = pulled(samples, graph.boundary, batch_size=batch_size)
    statistics = calibrate(
        {"": graph},
        (sample for batch in batches for sample in batch),
        settings=settings.calibration,
        histograms=calibrator.needs_histograms,
    )[""]
    return Calibrated(
        ranges=calibrator.ranges(statistics),
        by=f"{cast('CalibratorName', asked.calibrator).value}, of lightning-trt",
        num_samples=len(samples),
        num_batches=-(-len(samples) // batch_size),
        batch_size=batch_size,
        notes=("the calibration batch size is how samples were pulled; these ranges do not depend on it",),
    )


def _found_natively(
    graph: OnnxGraph, asked: Asked, samples: Samples, *, batch_size: int, settings: ExportSettings, backend: Backend
) -> Calibrated:
    """What TensorRT's own calibrator found, which takes whole batches alone."""
    size = _native_batch(graph, samples, batch_size)
    batches = pulled(samples, graph.boundary, batch_size=size)
    algorithm = cast("NativeCalibrator", asked.calibrator).value
    ranges = cast("NativeCalibration", backend).calibrated(
        graph,
        (sample for batch in batches for sample in batch),
        algorithm=algorithm,
        batch_size=size,
        settings=settings.build,
    )
    num_batches = len(samples) // size
    left = len(samples) - num_batches * size
    dropped = (f"{left} samples at the end made no whole batch and were not used",) if left else ()
    return Calibrated(
        ranges=ranges,
        by=f"{algorithm}, of TensorRT {backend.version}",
        num_samples=num_batches * size,
        num_batches=num_batches,
        batch_size=size,
        notes=("with TensorRT's own calibrators the ranges may depend on the calibration batch size", *dropped),
    )


def _native_batch(graph: OnnxGraph, samples: Samples, batch_size: int) -> int:
    """The largest batch, up to the one asked for, that the samples and the graph allow."""
    takes_batches = any(map(is_batched, graph.boundary.inputs))
    allowed = min(batch_size, max(len(samples), 1)) if takes_batches else 1
    if allowed < batch_size:
        why = f"there are {len(samples)} samples" if takes_batches else "the module takes one batch size alone"
        notice(f"int8_calib_batch_size={batch_size} is cut to {allowed}: {why}.")
    return allowed


def _native(keywords: Keywords, backend: Backend, profile: Profile) -> NativeCalibrator | None:
    """TensorRT's own calibrator where it is asked for and can serve, else None: ours has the same algorithm."""
    native = keywords.algorithm.native
    if native is None or not keywords.is_quantized:
        return None
    reason = _why_not_native(backend, profile)
    if reason is None:
        return native
    if keywords.int8_calib_algorithm is not None:
        notice(f"{reason}, so that {native.value} of lightning-trt, the same algorithm, finds the ranges.")
    return None


def _why_not_native(backend: Backend, profile: Profile) -> str | None:
    if not isinstance(backend, NativeCalibration) or backend.why_no_cache() is not None:
        return f"{backend.name} {backend.version} has no calibrators of its own"
    if any(axis or not profile.is_batched(index) for index, axis in profile.varying):
        return "TensorRT's calibrators take one shape, and the inputs vary"
    return None
