"""What a page is made of, before it is HTML: sections with plots, tables and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_trt.renderers._grids import Grid

__all__ = ["Folded", "Plot", "Section"]


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
