"""The parts of the page, in the order in which a reader asks: what came out, what to do, why, how fast, on what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.renderers._circumstances import circumstances
from lightning_trt.renderers._findings import metric_names, next_steps, remarks, untrusted
from lightning_trt.renderers._grids import latency_grid, layer_grid
from lightning_trt.renderers._reproduction import reproduction
from lightning_trt.renderers._shared import shared
from lightning_trt.renderers.html.bars import shares, spread
from lightning_trt.renderers.html.flips import class_grid, flips_of, item_grid, turned, turned_sentence
from lightning_trt.renderers.html.forest import forest, steps
from lightning_trt.renderers.html.losses import loss_grid, losses
from lightning_trt.renderers.html.page import Folded, Section, plots_of
from lightning_trt.renderers.html.tables import attribution_grid, candidate_grid, tradeoff_grid
from lightning_trt.renderers.html.tradeoff import tradeoff

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lightning_trt.artifacts import RangeFit, Report
    from lightning_trt.renderers._grids import Grid

__all__ = ["sections"]

_MAX_METRICS = 6
"""So many metrics have figures; the tables have all."""

_MAX_CANDIDATES = 6
"""So many candidates have a figure of their own; the tables have all."""


def sections(report: Report, *, fits: Mapping[str, Sequence[RangeFit]]) -> tuple[Section, ...]:
    """Every part that has something to show; `fits` tells, by candidate, how its ranges fit."""
    parts = (
        Section(key="next", title="What to do next", steps=next_steps(report)),
        _drops(report),
        _tradeoff(report),
        _latency(report),
        _layers(report),
        _losses(fits),
        _attribution(report),
        _flips(report),
        Section(key="notes", title="Reasons and notes", lines=_reasons(report)),
        Section(key="circumstances", title="Measured on", facts=tuple(circumstances(report))),
        Section(key="again", title="How to run it again", code=reproduction(report)),
    )
    return tuple(part for part in parts if not part.is_empty)


def _folded(*tables: tuple[str, Grid | None]) -> tuple[Folded, ...]:
    return tuple(Folded(title=title, grid=grid) for title, grid in tables if grid is not None)


def _drops(report: Report) -> Section:
    drawings = ((f"Drop of {name}", forest(report, name)) for name in metric_names(report)[:_MAX_METRICS])
    lead = (
        f"A drop is positive where the candidate is worse than {report.reference.name}, the checkpoint's own module. "
        "Both saw the same samples in the same pass."
    )
    plots = plots_of(drawings, key="drop")
    return Section(key="drops", title="Accuracy drop", lead=lead, plots=plots, grid=candidate_grid(report))


def _tradeoff(report: Report) -> Section:
    metric = next(iter(metric_names(report)), "")
    caption = "The line joins those that no other beats in both."
    return Section(
        key="tradeoff",
        title="Accuracy against latency",
        plots=plots_of([(caption, tradeoff(report, metric))], key="tradeoff"),
        folded=_folded(("Each point", tradeoff_grid(report, metric))),
    )


def _latency(report: Report) -> Section:
    return Section(
        key="latency",
        title="Latency",
        plots=plots_of([("The time of one call: median, p90 and p99.", spread(report))], key="latency"),
        folded=_folded(("Every batch size", latency_grid(report))),
    )


def _layers(report: Report) -> Section:
    return Section(
        key="layers",
        title="Proof of precision",
        plots=plots_of([("The share of the layers by the data type they compute in.", shares(report))], key="layers"),
        folded=_folded(("How many layers", layer_grid(report))),
    )


def _losses(fits: Mapping[str, Sequence[RangeFit]]) -> Section:
    drawings = [(name, losses(each)) for name, each in fits.items()]
    return Section(
        key="tensors",
        title="Tensors that lose most",
        plots=plots_of(drawings[:_MAX_CANDIDATES], key="tensor"),
        folded=_folded(("Range by range", loss_grid(fits))),
    )


def _attribution(report: Report) -> Section:
    drawings = ((f"Drop of {name}, step by step", steps(report, name)) for name in metric_names(report)[:_MAX_METRICS])
    return Section(
        key="attribution",
        title="Where it is lost",
        plots=plots_of(drawings, key="step"),
        folded=_folded(("Each step", attribution_grid(report))),
    )


def _flips(report: Report) -> Section:
    """Which items turned, of the first metric that knows."""
    metric = next((name for name in metric_names(report) if any(flips_of(report, name))), "")
    found = tuple(flips_of(report, metric))
    drawings = ((f"{name}: items that turned, by class", turned(flips)) for name, flips in found[:_MAX_CANDIDATES])
    return Section(
        key="flips",
        title=f"What turned in {metric}",
        lines=tuple(turned_sentence(name, flips) for name, flips in found),
        plots=plots_of(drawings, key="class"),
        folded=_folded(("By class", class_grid(report, metric)), ("The worst items", item_grid(report, metric))),
    )


def _reasons(report: Report) -> tuple[str, ...]:
    reasons = shared((each.name, reason) for each in report.candidates.values() for reason in each.reasons)
    said = tuple(f"{names}: {reason}" for names, reason in reasons)
    return (*said, *untrusted(report), *remarks(report), *report.notes)
