"""Which items turned from right to wrong and back: by class, one by one, and in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.renderers._grids import Cell, Grid
from lightning_trt.renderers.html.drawing import THEME, Drawing
from lightning_trt.renderers.numbers import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.figure import Figure

    from lightning_trt.artifacts import ClassFlips, FlippedItem, Flips, Report

__all__ = ["class_grid", "flips_of", "item_grid", "turned", "turned_sentence"]

_MAX_CLASSES = 20
_ROW = 0.2


def flips_of(report: Report, metric: str) -> Iterator[tuple[str, Flips]]:
    """Name and flips of each candidate of which some item turned in `metric`."""
    for name, candidate in report.candidates.items():
        judged = candidate.metrics.get(metric)
        flips = None if judged is None else judged.flips
        if flips is not None and (flips.by_class or flips.worse_items or flips.better_items):
            yield name, flips


def turned_sentence(name: str, flips: Flips) -> str:
    """How likely chance alone is to turn the items of candidate `name` so unevenly."""
    return f"{name}: chance alone would split worse from better as unevenly with p = {number(flips.p_value)} (McNemar)"


def turned(flips: Flips) -> Drawing | None:
    """Items that turned, those for the better left of zero, by class; None where the classes are not known."""
    most = sorted(flips.by_class, key=lambda each: (-(each.worse + each.better), each.label))[:_MAX_CLASSES]
    shown = sorted(most, key=lambda each: each.label)
    return Drawing(height=0.7 + _ROW * len(shown), draw=lambda figure: _draw(figure, shown)) if shown else None


def class_grid(report: Report, metric: str) -> Grid | None:
    """How many items of each class turned, by candidate; None where none did."""
    rows = tuple(
        (Cell(name), *(Cell(f"{count:,}", count) for count in (each.label, each.n, each.worse, each.better)))
        for name, flips in flips_of(report, metric)
        for each in flips.by_class
    )
    return Grid(header=("candidate", "class", "items", "got worse", "got better"), rows=rows) if rows else None


def item_grid(report: Report, metric: str) -> Grid | None:
    """The items that turned, those first that moved furthest; None where none is named."""
    rows = tuple(
        row
        for name, flips in flips_of(report, metric)
        for way, items in (("got worse", flips.worse_items), ("got better", flips.better_items))
        for row in _item_rows(name, way, items)
    )
    header = ("candidate", "turned", "dataset index", "class", "largest change")
    return Grid(header=header, rows=rows, num_words=2) if rows else None


def _item_rows(name: str, way: str, items: Iterable[FlippedItem]) -> Iterator[tuple[Cell, ...]]:
    for each in items:
        label = Cell("-") if each.label is None else Cell(str(each.label), each.label)
        yield Cell(name), Cell(way), Cell(str(each.index), each.index), label, Cell(number(each.change), each.change)


def _draw(figure: Figure, shown: Sequence[ClassFlips]) -> None:
    axes = figure.add_subplot()
    places = [-place for place, _ in enumerate(shown)]
    axes.barh(places, [each.worse for each in shown], height=0.62, color=THEME["orange"])
    axes.barh(places, [-each.better for each in shown], height=0.62, color=THEME["blue"])
    axes.axvline(0, color=THEME["line"])
    axes.set_yticks(places, [f"class {each.label}" for each in shown])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(0.6 - len(shown), 0.6)
    axes.set_xlabel("got better, to the left; got worse, to the right")
    axes.locator_params(axis="x", integer=True, nbins=7)
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
