"""How a run is made again, from what its report says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lightning_trt.settings import ExportSettings, GateSettings, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_trt.artifacts import Report

__all__ = ["reproduction"]

_NOT_SAID = {"on_error", "dirpath", "metrics", "predict"}
"""What only tells what to do with a result, and where to put it; and objects, of which the report has the names."""


def reproduction(report: Report) -> str:
    """Python that makes the run again, with its versions, its checkpoint and every setting that is not the default."""
    environment, checkpoint = report.environment, report.checkpoint
    backend = f"{environment.backend} {environment.backend_version}"
    lines = [
        f"# lightning-trt {report.version}, torch {environment.torch}, {backend}, on {environment.device}",
        "import lightning_trt",
        "",
        "lightning_trt.export(",
        f"    {report.model or 'module'}(...),  # as it was trained",
        f"    datamodule,  # {report.data.samples:,} validation samples, digest {report.data.digest[:12]}",
    ]
    if checkpoint.path is not None:
        sha256 = "" if checkpoint.sha256 is None else f"  # sha256 {checkpoint.sha256[:12]}"
        lines.append(f"    checkpoint={checkpoint.path!r},{sha256}")
    lines += [f"    {name}={value!r}," for name, value in _told(report).items()]
    return "\n".join([*lines, *_scoring(report), ")"])


def _scoring(report: Report) -> Iterator[str]:
    """The objects that scored in the place of validation_step, of which the report has the names."""
    metrics, predict = report.settings.get("metrics"), report.settings.get("predict")
    if isinstance(metrics, list):
        yield f"    metrics={{{', '.join(f'{name!r}: ...' for name in metrics)}}},"
        yield f"    predict=...,  # {predict}"


def _told(report: Report) -> dict[str, object]:
    """The settings that are not the defaults; what the report followed is monitored again."""
    told = _changed(report.settings, {**plain(ExportSettings()), "gate": plain(GateSettings())})
    if report.checkpoint.monitor is not None:
        told["monitor"] = report.checkpoint.monitor
    return {name: value for name, value in told.items() if name not in _NOT_SAID and value is not None}


def _changed(given: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, object]:
    """What in `given` is not as in `defaults`, of nested settings too."""
    changed: dict[str, object] = {}
    for name, value in given.items():
        default = defaults.get(name)
        if isinstance(value, Mapping):
            inner = _changed(value, default if isinstance(default, Mapping) else {})
            changed |= {name: inner} if inner else {}
        elif value != default:
            changed[name] = [_said(each) for each in value] if isinstance(value, list) else value
    return changed


def _said(value: object) -> object:
    """A rule of the gate without what it does not limit."""
    return {name: each for name, each in value.items() if each is not None} if isinstance(value, Mapping) else value
