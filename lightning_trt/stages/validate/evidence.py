"""Evidence for the interval of a drop, from the records of both sides.

What serves depends on the metric: counts of items that turned where it is a mean of 0/1 values; else the metric on
resamples of items, or of batches; else the batch means of a plain logged scalar. Each is used only after it was
checked against the logged value on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING

import torch

from lightning_trt.artifacts import Bootstrap, PairedBinary
from lightning_trt.inference import FEWEST_CHANGED, resampling_weights
from lightning_trt.stages.validate.algebra import NoEvidenceError
from lightning_trt.stages.validate.scalars import batch_means
from lightning_trt.stages.validate.sides import BATCH, ITEM, Side, clock_until, side_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lightning_trt.artifacts import BatchMeans, Evidence
    from lightning_trt.settings import ValidationSettings
    from lightning_trt.stages.validate.traces import Trace

__all__ = ["Found", "find_evidence"]

_RESAMPLES_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Evidence by candidate, and by candidate why there is none; `note` says where batches had to serve as units."""

    evidence: Mapping[str, Evidence]
    why_not: Mapping[str, str]
    note: str | None = None


def find_evidence(
    reference: Trace,
    candidates: Mapping[str, Trace],
    *,
    higher_is_better: bool | None,
    settings: ValidationSettings,
    seconds: float,
) -> Found:
    """Evidence for the drop of each candidate, found within about `seconds`."""
    started = perf_counter()
    # Each side takes as long to take apart, and half of the time is for resampling.
    check_time = clock_until(started + seconds / (2 * (1 + len(candidates))))
    by_item = _side(reference, ITEM, check_time=check_time)
    base = by_item if isinstance(by_item, Side) else _side(reference, BATCH)
    if isinstance(base, str):
        return _found_in_scalars(reference, candidates, higher_is_better=higher_is_better, reason=str(by_item))
    attempts = {name: _side_like(base, trace) for name, trace in candidates.items()}
    sides = {name: side for name, side in attempts.items() if isinstance(side, Side)}
    evidence = _compared(base, sides, higher_is_better=higher_is_better, settings=settings, deadline=started + seconds)
    late = dict.fromkeys(sides.keys() - evidence.keys(), "`bootstrap_seconds` was over before the first resample")
    return Found(
        evidence=evidence,
        why_not=late | {name: reason for name, reason in attempts.items() if isinstance(reason, str)},
        note=f"resampled by batch, because {by_item}" if isinstance(by_item, str) else None,
    )


def _side(trace: Trace, unit: str, *, check_time: Callable[[], None] | None = None) -> Side | str:
    """The metric by `unit`, or why it cannot be had so."""
    if not isfinite(trace.value):
        return f"its value is {trace.value}"
    try:
        return side_of(trace, unit, check_time=check_time or _no_limit)
    except NoEvidenceError as error:
        return str(error)


def _side_like(base: Side, trace: Trace) -> Side | str:
    """A candidate's side by the reference's unit, or why there is none."""
    side = _side(trace, base.unit)
    if isinstance(side, Side) and side.units.count != base.units.count:
        return f"it saw {side.units.count} {base.unit}s, and the reference {base.units.count}"
    return side


def _compared(
    base: Side,
    sides: Mapping[str, Side],
    *,
    higher_is_better: bool | None,
    settings: ValidationSettings,
    deadline: float,
) -> dict[str, Evidence]:
    pairs: dict[str, Evidence] = {
        name: _turned(base, side, higher_is_better=higher_is_better)
        for name, side in sides.items()
        if _is_binary(base) and _is_binary(side)
    }
    changed = {name: base.changed(side) for name, side in sides.items() if name not in pairs}
    # Resampling takes most of the time, and nobody looks at resamples of so few changes.
    worth = {name: sides[name] for name, number in changed.items() if number >= FEWEST_CHANGED}
    reference, *columns = _resampled([base, *worth.values()], settings=settings, deadline=deadline) if worth else [()]
    resampled = dict(zip(worth, columns, strict=True))
    return pairs | {
        name: Bootstrap(
            unit=base.unit,
            n=base.units.count,
            changed=number,
            reference=reference if name in resampled else (),
            candidate=resampled.get(name, ()),
            is_mean=base.unit_values is not None and sides[name].unit_values is not None,
        )
        for name, number in changed.items()
        if reference or name not in resampled
    }


def _is_binary(side: Side) -> bool:
    """Whether the metric is the mean of one 0/1 value per dataset item."""
    values = side.unit_values
    return side.unit == ITEM and values is not None and bool(((values == 0) | (values == 1)).all())


def _turned(base: Side, side: Side, *, higher_is_better: bool | None) -> PairedBinary:
    before, after = base.unit_values, side.unit_values
    assert before is not None  # noqa: S101 - both are binary
    assert after is not None  # noqa: S101
    lower, higher = int((after < before).sum()), int((after > before).sum())
    worse, better = (higher, lower) if higher_is_better is False else (lower, higher)
    return PairedBinary(n=len(before), worse=worse, better=better)


def _resampled(sides: Sequence[Side], *, settings: ValidationSettings, deadline: float) -> list[tuple[float, ...]]:
    """The metric of every side on the same resamples, as many as there is time for."""
    columns: list[list[float]] = [[] for _ in sides]
    at_once = _RESAMPLES_AT_ONCE if all(side.states is not None for side in sides) else 1
    for block in resampling_weights(sides[0].units.count, resamples=settings.resamples, seed=settings.seed):
        for repeats in torch.split(torch.from_numpy(block), at_once):
            if perf_counter() > deadline:
                return [tuple(column) for column in columns]
            for column, side in zip(columns, sides, strict=True):
                column.extend(side.values(repeats).tolist())
    return [tuple(column) for column in columns]


def _found_in_scalars(
    reference: Trace, candidates: Mapping[str, Trace], *, higher_is_better: bool | None, reason: str
) -> Found:
    """Evidence from the batch means; where a Metric gave the value of the epoch, `reason` says what was wrong."""
    of_metric = reference.source is not None and any(
        entry.value is None or entry.step is None for entry in reference.logged
    )
    attempts = {
        name: reason if of_metric else _batch_means(reference, trace, higher_is_better=higher_is_better)
        for name, trace in candidates.items()
    }
    return Found(
        evidence={name: means for name, means in attempts.items() if not isinstance(means, str)},
        why_not={name: told for name, told in attempts.items() if isinstance(told, str)},
    )


def _batch_means(reference: Trace, candidate: Trace, *, higher_is_better: bool | None) -> BatchMeans | str:
    """The evidence, or why there is none."""
    not_finite = [trace.value for trace in (reference, candidate) if not isfinite(trace.value)]
    if not_finite:
        return f"its value is {not_finite[0]}"
    try:
        return batch_means(reference, candidate, higher_is_better=higher_is_better)
    except NoEvidenceError as error:
        return str(error)


def _no_limit() -> None:
    pass
