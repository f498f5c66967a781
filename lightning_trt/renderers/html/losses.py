"""The tensors that int8 hurts most: those whose values stand least above the errors of rounding and clipping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.renderers._grids import Cell, Grid
from lightning_trt.renderers.html.drawing import THEME, Drawing, can_be_drawn, in_rows
from lightning_trt.renderers.numbers import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from lightning_trt.artifacts import RangeFit

    Fits = Mapping[str, Sequence[RangeFit]]

__all__ = ["loss_grid", "losses", "most_lost"]

_SHOWN = 8
_LISTED = 30


def most_lost(fits: Sequence[RangeFit]) -> list[tuple[RangeFit, float]]:
    """Those whose signal-to-noise ratio is known, with it in decibels, the lowest first."""
    known = [(fit, fit.snr_db) for fit in fits if fit.snr_db is not None and can_be_drawn(fit.snr_db)]
    return sorted(known, key=lambda each: (each[1], each[0].name))


def losses(fits: Sequence[RangeFit]) -> Drawing | None:
    """The tensors of one candidate with the lowest ratio of signal to noise; None where none is known."""
    worst = most_lost(fits)[:_SHOWN]
    said = [f"{snr_db:.1f} dB, {_percent(fit.clipped)} clipped, {_percent(fit.zeroed)} zeroed" for fit, snr_db in worst]
    ratios = [snr_db for _, snr_db in worst]
    return in_rows([fit.name for fit, _ in worst], said, lambda axes: _draw(axes, ratios)) if worst else None


def loss_grid(fits: Fits) -> Grid | None:
    """The ranges of each candidate and what they cost, those that lose most first; None where nothing is known."""
    rows = tuple(_row(name, fit, snr_db) for name, each in fits.items() for fit, snr_db in most_lost(each)[:_LISTED])
    header = ("candidate", "tensor", "signal to noise, dB", "clipped", "zeroed", "low", "high")
    return Grid(header=header, rows=rows, num_words=2) if rows else None


def _row(name: str, fit: RangeFit, snr_db: float) -> tuple[Cell, ...]:
    return (
        Cell(name),
        Cell(fit.name),
        Cell(f"{snr_db:.1f}", snr_db),
        *(Cell(_percent(each), each) for each in (fit.clipped, fit.zeroed)),
        *(Cell(number(each), each) for each in (fit.low, fit.high)),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2g} %"


def _draw(axes: Axes, ratios: Sequence[float]) -> None:
    axes.set_xlabel("expected signal to noise in int8, dB: less is worse")
    axes.set_xlim(min(0.0, *ratios) * 1.05, max(1.0, *ratios) * 1.05)
    axes.barh([-place for place, _ in enumerate(ratios)], ratios, height=0.3, color=THEME["purple"])
