"""Which files a run's report is written to, beside `report.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.renderers import junit, markdown
from lightning_trt.renderers.rulings import rulings_of

if TYPE_CHECKING:
    from lightning_trt.artifacts import Report

__all__ = ["texts_beside"]


def texts_beside(report: Report) -> dict[str, str]:
    """Text by file name: all that can be written again from `report.json`."""
    return {"report.md": markdown.render(report), "junit.xml": junit.to_text(rulings_of((report,)))}
