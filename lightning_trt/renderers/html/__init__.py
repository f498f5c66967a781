"""`report.html`: a report that one likes to open, in one file that asks nothing of any network.

It needs jinja2 and matplotlib, which the extra `report` brings. Everything here is drawn from a report alone.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

from lightning_trt.renderers._findings import metric_names, summary
from lightning_trt.renderers.html.drawing import THEME, pixels
from lightning_trt.renderers.html.forest import forest
from lightning_trt.renderers.html.sections import sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lightning_trt.artifacts import RangeFit, Report

__all__ = ["picture", "render", "why_not"]


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
    # Imported here: what reads reports works without it.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - see above
    from markupsafe import Markup  # noqa: PLC0415 - see above

    page = Environment(
        loader=PackageLoader("lightning_trt.renderers.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    source = page.loader.get_source  # type: ignore[union-attr]  # it was given one
    script, style = (Markup(source(page, name)[0]) for name in ("report.js", "report.css"))  # noqa: S704 - our own files
    return page.get_template("report.html.jinja").render(
        report=report,
        summary=summary(report),
        sections=sections(report, fits=fits),
        theme=THEME,
        style=style,
        script=script,
        # The browser runs this script and no other, whatever a name in the report may hold.
        script_digest=b64encode(sha256(script.encode()).digest()).decode(),
    )


def picture(report: Report) -> NDArray[np.uint8] | None:
    """The drops of the first metric as an image, RGB of shape `(height, width, 3)`; None where there is none."""
    drawing = next((drawn for name in metric_names(report) if (drawn := forest(report, name)) is not None), None)
    return None if drawing is None else pixels(drawing)
