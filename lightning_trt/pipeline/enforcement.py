"""What a verdict does to the program that asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.artifacts import Verdict
from lightning_trt.errors import GateFailedError
from lightning_trt.notices import notice
from lightning_trt.pipeline.folders import is_in_sweep
from lightning_trt.renderers.terminal import short_summary
from lightning_trt.settings import OnGateFail, OnInconclusive

if TYPE_CHECKING:
    from lightning_trt.artifacts import Report
    from lightning_trt.settings import ExportSettings

__all__ = ["enforce"]


def enforce(report: Report, *, settings: ExportSettings, speaks: bool = True) -> None:
    """Nothing, where the gate lets this run through; everything is written by now.

    A failed gate, or a candidate in error, raises where `on_gate_fail` says so, else warns; an inconclusive one warns
    where `on_inconclusive` says so. Of several processes all raise, and the one that `speaks` warns.

    Raises:
        GateFailedError: The gate said no.
    """
    is_bad = report.verdict in {Verdict.failed, Verdict.error}
    sentence = " ".join(short_summary(report))
    if is_bad and _raises(settings):
        raise GateFailedError(sentence)
    is_doubtful = report.verdict is Verdict.inconclusive and _warns_of_doubt(settings)
    if speaks and (is_bad or is_doubtful):
        notice(sentence)


def _raises(settings: ExportSettings) -> bool:
    if settings.on_gate_fail is OnGateFail.auto:
        return settings.gate is not None and not is_in_sweep()
    return settings.on_gate_fail is OnGateFail.raises


def _warns_of_doubt(settings: ExportSettings) -> bool:
    return settings.gate is None or settings.gate.on_inconclusive is OnInconclusive.warn
