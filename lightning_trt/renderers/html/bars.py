"""Rows of bars: the spread of latency, the share of layers by data type, the error of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.precision import DType
from lightning_trt.renderers._grids import latencies
from lightning_trt.renderers.html.drawing import THEME, Drawing, can_be_drawn, in_rows
from lightning_trt.renderers.numbers import milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from lightning_trt.artifacts import CandidateReport, Latency, Report

__all__ = ["shares", "spread"]

_COLOURS = {
    DType.fp32: THEME["blue"],
    DType.fp16: THEME["sky"],
    DType.bf16: THEME["purple"],
    DType.fp8: THEME["red"],
    DType.int8: THEME["orange"],
}
_ROOM = 0.09
"""Least share of a bar in which its own words have room."""
_MANY = 20.0
"""From this ratio of the slowest to the fastest on, a linear axis would show the slowest alone."""


def spread(report: Report) -> Drawing | None:
    """Median, p90 and p99 of all that was timed at the shared batch size; None where nothing was."""
    rows = [
        (name, each)
        for name, each in latencies(report)
        if each.batch == report.shared_batch and can_be_drawn(each.p50_ms, each.p90_ms, each.p99_ms) and each.p50_ms > 0
    ]
    said = [f"p50 {milliseconds(each.p50_ms)}, p99 {milliseconds(each.p99_ms)} ms" for _, each in rows]
    drawn = [each for _, each in rows]
    return in_rows([name for name, _ in rows], said, lambda axes: _draw_spread(axes, drawn)) if rows else None


def shares(report: Report) -> Drawing | None:
    """How many layers of each candidate compute in which data type; None where no layer was counted."""
    counted = [each for each in report.candidates.values() if sum(each.layers.values())]
    said = [_asked(each) for each in counted]
    return in_rows([each.name for each in counted], said, lambda axes: _draw_shares(axes, counted)) if counted else None


def _draw_spread(axes: Axes, latencies: Sequence[Latency]) -> None:
    axes.set_xlabel(f"ms, batch {latencies[0].batch}: dot is p50, bar to p90, line to p99")
    slowest, fastest = max(each.p99_ms for each in latencies), min(each.p50_ms for each in latencies)
    if slowest / fastest > _MANY:
        axes.set_xscale("log")
        axes.set_xlim(fastest / 1.3, slowest * 1.2)
    else:
        axes.set_xlim(0, slowest * 1.03)
    for place, each in enumerate(latencies):
        axes.plot([each.p50_ms, each.p99_ms], [-place] * 2, color=THEME["blue"], linewidth=1.5)
        axes.plot([each.p50_ms, each.p90_ms], [-place] * 2, color=THEME["blue"], linewidth=6, solid_capstyle="butt")
        axes.plot(each.p50_ms, -place, "o", color=THEME["blue"], markersize=7)


def _asked(candidate: CandidateReport) -> str:
    asked, total = candidate.layers.get(candidate.precision.dtype, 0), sum(candidate.layers.values())
    return f"{asked:,} of {total:,} in {candidate.precision.dtype.value}"


def _draw_shares(axes: Axes, counted: Sequence[CandidateReport]) -> None:
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 % of the layers"])
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    for place, candidate in enumerate(counted):
        left, total = 0.0, sum(candidate.layers.values())
        for dtype in (dtype for dtype in DType if candidate.layers.get(dtype)):
            share = candidate.layers[dtype] / total
            axes.barh(-place, share, left=left, height=0.36, color=_COLOURS.get(dtype, THEME["grey"]))
            if share > _ROOM:
                axes.text(left + share / 2, -place, dtype.value, color=THEME["paper"], ha="center", va="center")
            left += share
