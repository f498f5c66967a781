"""Whether what reports say of their samples can be: who edits a digest by hand leaves the rest behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.artifacts import Report

__all__ = ["check_samples"]

_REMEDY = "A report was edited or mixed from two: export again."


def check_samples(reports: Sequence[Report]) -> None:
    """Raise where evidence rests on more samples than there were, or one digest stands for two numbers of samples.

    Raises:
        ReportError: With both numbers.
    """
    first: dict[str, Report] = {}
    for report in reports:
        _check_evidence(report)
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
