"""Whether what reports say can be: who edits a digest or a number by hand leaves the rest behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.artifacts import BatchMeans, PairedBinary
from lightning_trt.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.artifacts import Evidence, Report

__all__ = ["check_samples"]

# Evidence is rebuilt from records, and float32's rounding of long sums lies between it and what was logged.
_ROUNDING = 1e-4
_REMEDY = "A report was edited or mixed from two: export again."


def check_samples(reports: Sequence[Report]) -> None:
    """Raise where a drop is not that of its values or of its evidence, or what is said of the samples cannot be.

    Evidence may not rest on more samples than there were, nor one digest stand for two numbers of samples.

    Raises:
        ReportError: With both numbers.
    """
    first: dict[str, Report] = {}
    for report in reports:
        _check_evidence(report)
        _check_drops(report)
        other = first.setdefault(report.data.digest, report)
        if other.data.samples != report.data.samples:
            raise ReportError(
                f"{other.path} and {report.path} have the same data digest, {report.data.digest[:12]}, and "
                f"{other.data.samples:,} and {report.data.samples:,} samples; the same samples have one number. "
                f"{_REMEDY}"
            )


def _check_evidence(report: Report) -> None:
    for candidate in report.candidates.values():
        for name, metric in candidate.metrics.items():
            if metric.evidence is not None and metric.evidence.n > report.data.samples:
                raise ReportError(
                    f"{report.path}: the drop of {name} with {candidate.name} rests on {metric.evidence.n:,} items, "
                    f"and {report.data.samples:,} samples were evaluated; it cannot be on more. {_REMEDY}"
                )


def _check_drops(report: Report) -> None:
    for candidate in report.candidates.values():
        for name, metric in candidate.metrics.items():
            reference = report.reference.metrics.get(name, float("nan"))
            sign = -1.0 if metric.higher_is_better is False else 1.0
            told = {"values say": sign * (reference - metric.value), "evidence says": _drop_of(metric.evidence)}
            for said, expected in told.items():
                # Not so of a NaN, which no limit lets pass.
                if abs(metric.drop - expected) > _ROUNDING * max(1.0, abs(metric.value)):
                    raise ReportError(
                        f"{report.path}: the drop of {name} with {candidate.name} is {metric.drop:+.6g}, and its "
                        f"{said} {expected:+.6g}. {_REMEDY}"
                    )


def _drop_of(evidence: Evidence | None) -> float:
    """The drop that is known from the evidence, NaN where none is: resamples only lie around theirs."""
    if isinstance(evidence, PairedBinary) and evidence.n:
        return (evidence.worse - evidence.better) / evidence.n
    return evidence.mean if isinstance(evidence, BatchMeans) else float("nan")
