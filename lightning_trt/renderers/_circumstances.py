"""What a report was measured on, as label and text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.renderers.numbers import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_trt.artifacts import CheckpointReport, DataReport, EnvironmentReport, Report

__all__ = ["circumstances"]


def circumstances(report: Report) -> Iterator[tuple[str, str]]:
    """Checkpoint, data, environment and time of writing, each with its name."""
    yield "checkpoint", _checkpoint(report.checkpoint)
    if report.checkpoint.monitor is not None:
        yield "monitored", f"{report.checkpoint.monitor}, {number(report.checkpoint.score)} in training"
    yield "data", f"{report.data.samples:,} samples (digest {report.data.digest[:12]})"
    yield "calibration", _calibration(report.data)
    yield "environment", _environment(report.environment)
    yield "written", f"{report.created} by lightning-trt {report.version}"


def _checkpoint(checkpoint: CheckpointReport) -> str:
    if checkpoint.path is None:
        return "none, the module's own weights were taken"
    epoch = "" if checkpoint.epoch is None else f", epoch {checkpoint.epoch}"
    sha256 = "" if checkpoint.sha256 is None else f", sha256 {checkpoint.sha256[:12]}"
    return f"{checkpoint.path}{epoch}{sha256}"


def _calibration(data: DataReport) -> str:
    overlap = data.calibration_overlap
    shared = "" if overlap is None else f", of which {overlap:,} were evaluated too"
    taken = "" if data.calibration_split is None else f" of {data.calibration_split} data, {data.calibration_select}"
    return f"{data.calibration_samples:,} samples{taken}{shared}"


def _environment(environment: EnvironmentReport) -> str:
    capability = environment.compute_capability
    said = f"{environment.backend} {environment.backend_version}, torch {environment.torch}, {environment.device}"
    return said if capability is None else f"{said}, compute capability {capability}"
