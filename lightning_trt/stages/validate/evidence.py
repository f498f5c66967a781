"""Evidence for the interval of a drop, from the records of both sides.

What serves depends on the metric: counts of items that turned where it is a mean of 0/1 values; else the metric on
resamples of items, or of batches; else the batch means of a plain logged scalar. Each is used only after it was
checked against the logged value on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from lightning_trt.artifacts import Bootstrap, PairedBinary
from lightning_trt.inference import FEWEST_CHANGED, resampling_weights
from lightning_trt.stages.validate.algebra import NoEvidenceError
from lightning_trt.stages.validate.flips import flips_of
from lightning_trt.stages.validate.scalars import batch_means
from lightning_trt.stages.validate.sides import BATCH, ITEM, Side, clock_until, side_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from lightning_trt.artifacts import BatchMeans, Evidence, Flips
    from lightning_trt.settings import ValidationSettings
    from lightning_trt.stages.validate.traces import Trace

    Pair = tuple[str, str]

__all__ = ["Found", "Question", "find_evidence"]

_BASE = ""
_RESAMPLES_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Evidence by candidate, and by candidate why there is none; `between` has that of the steps between two.

    `flips` are of the candidates whose items turn; `note` says where batches had to serve as units.
    """

    evidence: Mapping[str, Evidence]
    why_not: Mapping[str, str]
    between: Mapping[Pair, Evidence] = field(default_factory=lambda: MappingProxyType({}))
    flips: Mapping[str, Flips] = field(default_factory=lambda: MappingProxyType({}))
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the evidence: between which candidates besides, which way is better, and where items lie."""

    higher_is_better: bool | None
    steps: Sequence[Pair]
    indices: Sequence[int] | None


def find_evidence(
    reference: Trace,
    candidates: Mapping[str, Trace],
    *,
    question: Question,
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
        return _found_in_scalars(reference, candidates, question=question, reason=str(by_item))
    attempts = {name: _side_like(base, trace) for name, trace in candidates.items()}
    sides = {name: side for name, side in attempts.items() if isinstance(side, Side)}
    found = _compared({_BASE: base, **sides}, question=question, settings=settings, deadline=started + seconds)
    evidence = {after: each for (before, after), each in found.items() if before == _BASE}
    late = dict.fromkeys(sides.keys() - evidence.keys(), "`bootstrap_seconds` was over before the first resample")
    return Found(
        evidence=evidence,
        why_not=late | {name: reason for name, reason in attempts.items() if isinstance(reason, str)},
        between={pair: each for pair, each in found.items() if pair[0] != _BASE},
        flips=_flips(base, sides, evidence, question),
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
    sides: Mapping[str, Side], *, question: Question, settings: ValidationSettings, deadline: float
) -> dict[Pair, Evidence]:
    """Evidence of every pair that is asked for: all against the base, then the steps between two candidates."""
    asked = [(_BASE, name) for name in sides if name != _BASE]
    asked += [(before, after) for before, after in question.steps if {before, after} <= sides.keys() - {_BASE}]
    turned: dict[Pair, Evidence] = {
        pair: _turned(*_both(sides, pair), question) for pair in asked if all(map(_is_binary, _both(sides, pair)))
    }
    changed = {(a, b): sides[a].changed(sides[b]) for a, b in asked if (a, b) not in turned}
    # Resampling takes most of the time, and nobody looks at resamples of so few changes.
    worth = [pair for pair, units in changed.items() if units.sum() >= FEWEST_CHANGED]
    names = [name for name in sides if any(name in pair for pair in worth)]
    columns = _resampled([sides[name] for name in names], settings=settings, deadline=deadline) if names else []
    resampled = dict(zip(names, columns, strict=True))
    return turned | {
        pair: _bootstrap(*_both(sides, pair), units, [resampled[name] if pair in worth else () for name in pair])
        for pair, units in changed.items()
        if pair not in worth or resampled[pair[0]]
    }


def _both(sides: Mapping[str, Side], pair: Pair) -> tuple[Side, Side]:
    return sides[pair[0]], sides[pair[1]]


def _bootstrap(before: Side, after: Side, changed: Tensor, columns: Sequence[tuple[float, ...]]) -> Bootstrap:
    return Bootstrap(
        unit=before.unit,
        n=before.units.count,
        changed=int(changed.sum()),
        reference=columns[0],
        candidate=columns[1],
        is_mean=before.unit_values is not None and after.unit_values is not None,
        is_additive=before.states is not None and after.states is not None,
        changed_rarer=before.changed_rarer(changed),
    )


def _flips(
    base: Side, sides: Mapping[str, Side], evidence: Mapping[str, Evidence], question: Question
) -> dict[str, Flips]:
    found = {
        name: flips_of(base, side, higher_is_better=question.higher_is_better, indices=question.indices)
        for name, side in sides.items()
        if isinstance(evidence.get(name), PairedBinary)
    }
    return {name: flips for name, flips in found.items() if flips is not None}


def _is_binary(side: Side) -> bool:
    """Whether the metric is the mean of one 0/1 value per dataset item."""
    values = side.unit_values
    return side.unit == ITEM and values is not None and bool(((values == 0) | (values == 1)).all())


def _turned(base: Side, side: Side, question: Question) -> PairedBinary:
    before, after = base.unit_values, side.unit_values
    assert before is not None  # noqa: S101 - both are binary
    assert after is not None  # noqa: S101
    lower, higher = int((after < before).sum()), int((after > before).sum())
    worse, better = (higher, lower) if question.higher_is_better is False else (lower, higher)
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


def _found_in_scalars(reference: Trace, candidates: Mapping[str, Trace], *, question: Question, reason: str) -> Found:
    """Evidence from the batch means; where a Metric gave the value of the epoch, `reason` says what was wrong."""
    of_metric = reference.source is not None and any(
        entry.value is None or entry.step is None for entry in reference.logged
    )
    better = question.higher_is_better
    attempts = {
        name: reason if of_metric else _batch_means(reference, trace, higher_is_better=better)
        for name, trace in candidates.items()
    }
    steps = [] if of_metric else [pair for pair in question.steps if {*pair} <= candidates.keys()]
    between = {(a, b): _batch_means(candidates[a], candidates[b], higher_is_better=better) for a, b in steps}
    return Found(
        evidence={name: means for name, means in attempts.items() if not isinstance(means, str)},
        why_not={name: told for name, told in attempts.items() if isinstance(told, str)},
        between={pair: means for pair, means in between.items() if not isinstance(means, str)},
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
