"""A metric of one copy, taken apart so that it can be rebuilt for any resample of its units."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lightning_trt.replay import Condensed, Update
from lightning_trt.stages.validate.algebra import Algebra, NoEvidenceError
from lightning_trt.stages.validate.state_units import states_by_batch, states_by_item
from lightning_trt.stages.validate.traces import agree
from lightning_trt.stages.validate.units import TOO_LONG, ItemUnits, by_batch, by_item

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning_trt.replay import Step
    from lightning_trt.stages.validate.algebra import States
    from lightning_trt.stages.validate.traces import Trace
    from lightning_trt.stages.validate.units import Units

__all__ = ["BATCH", "ITEM", "Side", "clock_until", "side_of"]

ITEM = "item"
BATCH = "batch"

_FEWEST_UNITS = 2
_MOST_STATE_VALUES = 1 << 25
_TRIED_UNITS = 64
_TWO_CLASSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A metric of one copy by unit, proved to give the logged value when every unit is seen once.

    `states` are those of an additive metric, stacked by unit, in float64; None where it is rebuilt from its inputs.
    `unit_values` is the metric of each unit alone where their mean is the metric, else None.
    """

    unit: str
    algebra: Algebra
    units: Units
    states: States | None
    unit_values: Tensor | None

    def values(self, repeats: Tensor) -> Tensor:
        """The metric for each row of `repeats`, of shape `(resamples, units)`: how often each unit is seen."""
        if self.states is None:
            return torch.stack([self.units.value(self.algebra, row) for row in repeats])
        weights = repeats.double()
        return self.algebra.values({name: _weighted(weights, state) for name, state in self.states.items()})

    def changed(self, other: Side) -> Tensor:
        """Whether another copy left other records of each unit, of shape `(units,)`."""
        if self.states is not None and other.states is not None:
            pairs = [(state, other.states[name]) for name, state in self.states.items()]
            differ = [(ours != theirs).reshape(len(ours), -1).any(dim=1) for ours, theirs in pairs]
            return torch.stack(differ).any(dim=0)
        return self.units.differs(other.units)

    def changed_rarer(self, changed: Tensor) -> int | None:
        """How many of the `changed` units are of that class of two that has fewer of them.

        None where the metric is additive, or was not given two classes.
        """
        labels = self.units.labels() if self.states is None and isinstance(self.units, ItemUnits) else None
        classes = () if labels is None else torch.unique(labels)
        if len(classes) != _TWO_CLASSES:
            return None
        return min(int(changed[labels == each].sum()) for each in classes)


def side_of(trace: Trace, unit: str, *, check_time: Callable[[], None]) -> Side:
    """The metric of `trace` by `unit`.

    Raises:
        NoEvidenceError: It cannot be taken apart so, or not in time, or gives another value when rebuilt.
    """
    if trace.source is None:
        raise NoEvidenceError("no torchmetrics Metric was logged under this name")
    if trace.updates is None:
        raise NoEvidenceError("there was no room to keep the inputs of its updates, neither in memory nor on disk")
    if not trace.updates:
        raise NoEvidenceError("no update of its own was seen")
    units = _units(trace.updates, trace.steps, unit=unit)
    if units.count < _FEWEST_UNITS:
        raise NoEvidenceError(f"its records have a single {unit}, which cannot be resampled")
    algebra = Algebra(trace.source)
    states = _states(algebra, units, logged=trace.value, check_time=check_time)
    if states is None:
        _check_rebuilt(algebra, units, logged=trace.value)
    values = None if states is None else _unit_values(algebra, states, trace.value)
    return Side(unit=unit, algebra=algebra, units=units, states=states, unit_values=values)


def clock_until(deadline: float) -> Callable[[], None]:
    """A check that raises `NoEvidenceError` once `perf_counter` has passed `deadline`."""

    def check_time() -> None:
        if perf_counter() > deadline:
            raise NoEvidenceError(TOO_LONG)

    return check_time


def _units(records: Sequence[Update | Condensed], steps: Sequence[Step], *, unit: str) -> Units:
    """The records by `unit`, which are all condensed or none is."""
    condensed = [each for each in records if isinstance(each, Condensed)]
    whole = [each for each in records if isinstance(each, Update)]
    if condensed and whole:
        raise NoEvidenceError("some of its updates could be taken apart and others could not")
    if condensed:
        return states_by_item(condensed, steps) if unit == ITEM else states_by_batch(condensed)
    return by_item(whole, steps) if unit == ITEM else by_batch(whole)


def _states(algebra: Algebra, units: Units, *, logged: float, check_time: Callable[[], None]) -> States | None:
    """States by unit whose sum gives the logged value, or None where no way to take them apart does."""
    # States too wide to keep for each unit, such as a confusion matrix of many classes, are made anew each time.
    if not algebra.is_additive or units.count * algebra.num_state_values > _MOST_STATE_VALUES:
        return None
    tried = (_tried(algebra, way, logged=logged) for way in units.ways(algebra, check_time=check_time))
    return next((states for states in tried if states is not None), None)


def _tried(algebra: Algebra, way: Callable[[], States], *, logged: float) -> States | None:
    try:
        states = {name: state.double() for name, state in way().items()}
        return states if agree(_whole(algebra, states), logged) else None
    except NoEvidenceError:
        raise
    except Exception:  # noqa: BLE001 - the metric's own code, which need not take a row alone
        return None


def _check_rebuilt(algebra: Algebra, units: Units, *, logged: float) -> None:
    try:
        rebuilt = units.value(algebra, torch.ones(units.count, dtype=torch.int64)).item()
    except Exception as error:
        raise NoEvidenceError(f"{type(error).__name__} when it was rebuilt from its records: {error}") from error
    if not agree(rebuilt, logged):
        raise NoEvidenceError(f"rebuilt from its records it is {rebuilt:.6g}, and {logged:.6g} was logged")


def _whole(algebra: Algebra, states: States) -> float:
    return algebra.value({name: state.sum(0) for name, state in states.items()}).item()


def _unit_values(algebra: Algebra, states: States, logged: float) -> Tensor | None:
    """The metric of each unit where their mean is the metric: on a few first, as one can be slow to compute."""
    count = len(next(iter(states.values())))
    few = torch.linspace(0, count - 1, min(count, _TRIED_UNITS)).long()
    some = {name: state[few] for name, state in states.items()}
    try:
        if not agree(algebra.values(some).mean().item(), _whole(algebra, some)):
            return None
        values = algebra.values(states)
    except Exception:  # noqa: BLE001 - the metric's own code: it has no value for some unit alone
        return None
    return values if agree(values.mean().item(), logged) else None


def _weighted(weights: Tensor, state: Tensor) -> Tensor:
    return (weights @ state.reshape(len(state), -1)).reshape(len(weights), *state.shape[1:])
