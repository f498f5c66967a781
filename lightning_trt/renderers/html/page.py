"""What a page is made of: sections with plots, tables and sentences; and the page as HTML."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from lightning_trt.renderers.html.drawing import THEME, svg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_trt.artifacts import Verdict
    from lightning_trt.renderers._grids import Grid
    from lightning_trt.renderers.html.drawing import Drawing

__all__ = ["Folded", "Page", "Plot", "Section", "html_of", "plots_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A figure as SVG, and what it shows in a sentence."""

    svg: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A table that a reader unfolds, under its title."""

    title: str
    grid: Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the page; `key` is its anchor. In `steps`, and only there, code stands between backticks."""

    key: str
    title: str
    lead: str = ""
    steps: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()
    grid: Grid | None = None
    folded: tuple[Folded, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    code: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not any((self.steps, self.lines, self.plots, self.grid, self.folded, self.facts, self.code))

    @property
    def is_wide(self) -> bool:
        """Whether it takes the whole width, and not a half beside another section: all but what is one plot."""
        return len(self.plots) != 1 or self.grid is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole page: the verdict on what, in a sentence and on which; then its sections."""

    title: str
    verdict: Verdict
    heading: str
    summary: str
    origin: str
    sections: tuple[Section, ...]


def plots_of(drawings: Iterable[tuple[str, Drawing | None]], *, key: str) -> tuple[Plot, ...]:
    """Each of the drawings that there are, below its caption."""
    drawn = ((caption, drawing) for caption, drawing in drawings if drawing is not None)
    return tuple(
        Plot(svg=svg(drawing, key=f"{key}-{number}", label=caption), caption=caption)
        for number, (caption, drawing) in enumerate(drawn)
    )


def html_of(page: Page) -> str:
    """The page in one file that asks nothing of any network; the same page gives the same text, to the byte."""
    # Imported here: what reads reports works without it.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - see above
    from markupsafe import Markup  # noqa: PLC0415 - see above

    environment = Environment(
        loader=PackageLoader("lightning_trt.renderers.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    source = environment.loader.get_source  # type: ignore[union-attr]  # it was given one
    script, style = (
        Markup(source(environment, name)[0])  # noqa: S704 - our own files
        for name in ("page.js", "page.css")
    )
    return environment.get_template("page.html.jinja").render(
        page=page,
        theme=THEME,
        style=style,
        script=script,
        # The browser runs this script and no other, whatever a name in the page may hold.
        script_digest=b64encode(sha256(script.encode()).digest()).decode(),
    )
