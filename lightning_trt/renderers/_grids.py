"""Tables of a report that several formats show: cells with their text and the number that it spells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_trt.renderers.numbers import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_trt.artifacts import Latency, Report, Verdict

__all__ = ["Cell", "Grid", "latencies", "latency_grid", "layer_grid"]


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table: `text`, and the number that it spells, by which a reader can sort; None for words.

    `tone` is the verdict that the text tells, where it tells one, `link` the address of the page that tells more.
    """

    text: str
    value: float | None = None
    tone: Verdict | None = None
    link: str | None = None

    @property
    def is_sortable(self) -> bool:
        """Whether there is a number to sort by."""
        return self.value is not None and math.isfinite(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table: its header, and rows with a cell for each column, of which the first `num_words` hold words."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    num_words: int = 1


def latencies(report: Report) -> Iterator[tuple[str, Latency]]:
    """Name and latency of the reference, of what stands beside it and of every candidate, at each timed batch size."""
    yield from ((name, each) for name, timed in report.reference.ways.items() for each in timed)
    for candidate in report.candidates.values():
        yield from ((candidate.name, each) for each in candidate.latency)


def latency_grid(report: Report) -> Grid | None:
    """Percentiles and throughput of everything that was timed; None where nothing was."""
    rows = tuple(_latency_row(name, each) for name, each in latencies(report))
    header = ("", "batch", "p50 ms", "p90 ms", "p99 ms", "samples/s")
    return Grid(header=header, rows=rows) if rows else None


def layer_grid(report: Report) -> Grid | None:
    """Number of layers by data type of each candidate; None where no layer was counted."""
    counted = [each for each in report.candidates.values() if each.layers]
    dtypes = tuple(dict.fromkeys(dtype for each in counted for dtype in each.layers))
    rows = tuple(
        (
            Cell(each.name),
            Cell(each.precision.value),
            *(Cell(str(each.layers.get(dtype, 0)), each.layers.get(dtype, 0)) for dtype in dtypes),
        )
        for each in counted
    )
    header = ("layers", "asked for", *(dtype.value for dtype in dtypes))
    return Grid(header=header, rows=rows, num_words=2) if dtypes else None


def _latency_row(name: str, latency: Latency) -> tuple[Cell, ...]:
    times = (latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.throughput)
    return (Cell(name), Cell(str(latency.batch), latency.batch), *(Cell(milliseconds(each), each) for each in times))
