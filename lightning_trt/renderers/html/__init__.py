"""`report.html` and a sweep's `leaderboard.html`: pages that one likes to open, each in one file.

They need jinja2 and matplotlib, which the extra `report` brings. Everything here is drawn from reports alone.
"""

from __future__ import annotations

from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

from lightning_trt.renderers._findings import metric_names, summary
from lightning_trt.renderers.html.drawing import pixels
from lightning_trt.renderers.html.forest import forest
from lightning_trt.renderers.html.leaderboard import leaderboard_page
from lightning_trt.renderers.html.page import Page, html_of
from lightning_trt.renderers.html.sections import sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lightning_trt.artifacts import RangeFit, Report

__all__ = ["leaderboard_page", "picture", "render", "why_not"]


_NO_FITS: Mapping[str, Sequence[RangeFit]] = MappingProxyType({})


def why_not() -> str | None:
    """Why there can be no page, and the line that mends it; None where there can."""
    missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
    if not missing:
        return None
    return f"report.html was left out: {' and '.join(missing)} missing. Install: pip install 'lightning-trt[report]'"


def render(report: Report, *, fits: Mapping[str, Sequence[RangeFit]] = _NO_FITS) -> str:
    """`report` as an HTML page: the verdict, figures with the tables behind them, and how to run it again.

    `fits` tells, by candidate, how its ranges fit what calibration saw; it draws the tensors that lose most.

    The same report gives the same page, to the byte.
    """
    name, model = report.path.name, report.model
    return html_of(
        Page(
            title=f"{report.verdict.value}: {name}",
            verdict=report.verdict,
            heading=model or name,
            summary=summary(report),
            origin=f"{name}, {report.environment.device}, {report.created}",
            sections=sections(report, fits=fits),
        )
    )


def picture(report: Report) -> NDArray[np.uint8] | None:
    """The drops of the first metric as an image, RGB of shape `(height, width, 3)`; None where there is none."""
    drawing = next((drawn for name in metric_names(report) if (drawn := forest(report, name)) is not None), None)
    return None if drawing is None else pixels(drawing)
