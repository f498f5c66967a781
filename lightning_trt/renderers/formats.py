"""Which files a run's report is written to, beside `report.json`."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from lightning_trt.renderers import html, junit, markdown
from lightning_trt.renderers.rulings import rulings_of
from lightning_trt.settings import ReportFormat

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lightning_trt.artifacts import RangeFit, Report

__all__ = ["Formats", "formats_of"]


_NO_FITS: Mapping[str, Sequence[RangeFit]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """Text by file name, and why the page is not among them; None where it is, or was not asked for."""

    texts: Mapping[str, str]
    left_out: str | None


def formats_of(
    report: Report,
    *,
    fits: Mapping[str, Sequence[RangeFit]] = _NO_FITS,
    asked: Collection[ReportFormat] = tuple(ReportFormat),
) -> Formats:
    """What is asked of all that can be written again from `report.json`; with `fits` the page has the tensors' fits."""
    texts = {}
    if ReportFormat.markdown in asked:
        texts["report.md"] = markdown.render(report)
    if ReportFormat.junit in asked:
        texts["junit.xml"] = junit.to_text(rulings_of((report,)))
    left_out = html.why_not() if ReportFormat.html in asked else None
    if ReportFormat.html in asked and left_out is None:
        try:
            texts["report.html"] = html.render(report, fits=fits)
        except Exception as error:  # noqa: BLE001 - hours of building must not be lost to a figure
            left_out = f"report.html was left out, as it could not be drawn: {type(error).__name__}: {error}"
    return Formats(texts=texts, left_out=left_out)
