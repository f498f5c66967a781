"""How every figure of a report is drawn: rows below one another, in colours that a page's theme may replace.

Figures are as wide as a telephone's screen at the size of its text, so that they are readable there without zooming. A
figure is the same to the byte wherever and whenever it is drawn: matplotlib's own settings are put aside, and text
stays text.
"""

from __future__ import annotations

import io
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["THEME", "Drawing", "can_be_drawn", "in_rows", "pixels", "short", "svg"]

THEME = {
    "ink": "#1a1a1f",
    "muted": "#5c5f66",
    "line": "#cfd2d7",
    "paper": "#ffffff",
    "blue": "#0067a5",
    "sky": "#1f7aad",
    "green": "#00795a",
    "orange": "#a35f00",
    "red": "#c2410c",
    "purple": "#a8548a",
    "grey": "#6f727a",
}
"""The colours by name, in the light; after Okabe and Ito's palette, which the colour-blind can tell apart."""

_WIDTH = 4.8
_ROW = 0.52
_DOTS_PER_INCH = 160
_SETTINGS: dict[Any, object] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lightning-trt",
    "text.parse_math": False,
    "axes.unicode_minus": False,
    "axes.formatter.useoffset": False,
    "font.size": 10.5,
    "text.color": THEME["ink"],
    "axes.labelcolor": THEME["muted"],
    "axes.edgecolor": THEME["line"],
    "axes.spines.top": False,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "xtick.color": THEME["line"],
    "xtick.labelcolor": THEME["muted"],
    "ytick.color": THEME["line"],
    "ytick.labelcolor": THEME["muted"],
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_MAX_NAME = 30
_LEAST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A figure that is not drawn yet: its height in inches, and who draws it."""

    height: float
    draw: Callable[[Figure], None]


def in_rows(names: Sequence[str], said: Sequence[str], draw: Callable[[Axes], None]) -> Drawing:
    """A row for each of `names`, at 0, -1, ...: its name, what is `said` of it, and below them what `draw` puts there.

    `draw` gets axes whose x is free, and whose y counts rows.
    """

    def rows(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.set_ylim(0.4 - len(names), 0.8)
        axes.set_yticks([])
        for row, (name, words) in enumerate(zip(names, said, strict=True)):
            place: dict[str, Any] = {"y": 0.26 - row, "transform": axes.get_yaxis_transform(), "va": "bottom"}
            axes.text(0, s=short(name), ha="left", **place)
            axes.text(1, s=words, ha="right", color=THEME["muted"], **place)
        draw(axes)

    return Drawing(height=0.6 + _ROW * len(names), draw=rows)


def short(name: str) -> str:
    """`name`, cut where a figure has no room for it; the table has the whole one.

    Example:
        >>> from lightning_trt.renderers.html.drawing import short
        >>> short("int8-percentile"), short("a name that nobody would ever give")
        ('int8-percentile', 'a name that nobody would ev...')
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in name)
    return shown if len(shown) <= _MAX_NAME else f"{shown[: _MAX_NAME - 3]}..."


def can_be_drawn(*numbers: float) -> bool:
    """Whether all `numbers` have a place on an axis: finite, and no further from 1 than anybody measures.

    Example:
        >>> from lightning_trt.renderers.html.drawing import can_be_drawn
        >>> can_be_drawn(0.0, -0.25), can_be_drawn(0.25, float("nan")), can_be_drawn(1e-300)
        (True, False, False)
    """
    return all(number == 0 or _LEAST < abs(number) < 1 / _LEAST for number in numbers)


def svg(drawing: Drawing, *, key: str, label: str) -> str:
    """`drawing` as an SVG element for a page, which calls it `label`; `key` keeps its ids apart from others'."""
    text = io.StringIO()
    with _drawn(drawing) as figure:
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    element = text.getvalue().partition("<svg")[2]
    element = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", element, flags=re.DOTALL)
    element = re.sub(r"<[^>]+>", lambda tag: _of_page(tag.group(), key), element)
    # Without a size of its own it takes the width that is there.
    (box,) = re.findall(r'viewBox="[^"]*"', element)
    body = element.partition(">")[2].strip()
    return f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {box} role="img" aria-label="{escape(label)}">{body}'


def _of_page(tag: str, key: str) -> str:
    """`tag` with ids of its own, and with the page's colours."""
    tag = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{key}-", tag)
    for name, colour in THEME.items():
        tag = tag.replace(colour, f"var(--{name})")
    return tag


def pixels(drawing: Drawing) -> NDArray[np.uint8]:
    """`drawing` on white, as RGB of shape `(height, width, 3)`."""
    import numpy as np  # noqa: PLC0415 - who only reads reports starts without it
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - see `_drawn`

    with _drawn(drawing) as figure:
        figure.set_dpi(_DOTS_PER_INCH)
        figure.set_facecolor(THEME["paper"])
        drawn: Any = FigureCanvasAgg(figure)
        drawn.draw()
        return np.array(drawn.buffer_rgba(), dtype=np.uint8)[..., :3]


@contextmanager
def _drawn(drawing: Drawing) -> Iterator[Figure]:
    """The figure, under settings of our own until the block ends, for that is when matplotlib lays it out."""
    # Imported here: what reads reports opens without matplotlib, which takes half a second.
    import matplotlib as mpl  # noqa: PLC0415 - see above
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above

    with mpl.rc_context(), warnings.catch_warnings():
        # Of letters that its own font lacks, which a browser's will have.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        figure = Figure(figsize=(_WIDTH, drawing.height), layout="constrained")
        drawing.draw(figure)
        yield figure
