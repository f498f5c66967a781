"""A metric's condensed records by unit: nothing is left of what it was given, and the states are there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from lightning_trt.replay import Condensed, Update
from lightning_trt.stages.validate.algebra import NoEvidenceError
from lightning_trt.stages.validate.units import by_item

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from lightning_trt.replay import Step
    from lightning_trt.stages.validate.algebra import Algebra, States

__all__ = ["StateUnits", "states_by_batch", "states_by_item"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateUnits:
    """States of an additive metric, stacked by unit, in float64."""

    states: States

    @property
    def count(self) -> int:
        """Number of units."""
        return len(next(iter(self.states.values())))

    def ways(self, _algebra: Algebra, *, check_time: Callable[[], None]) -> Sequence[Callable[[], States]]:  # noqa: ARG002 - as all units
        """The states, which were taken apart before."""
        return (lambda: self.states,)

    def value(self, algebra: Algebra, repeats: Tensor) -> Tensor:
        """The metric's value when unit `i` is seen `repeats[i]` times."""
        weights = repeats.double()
        return algebra.value({name: torch.tensordot(weights, state, dims=1) for name, state in self.states.items()})

    def differs(self, other: Any) -> Tensor:  # noqa: ANN401 - units of the same kind
        """Whether the states of each unit are others than in `other`."""
        pairs = [(state, other.states[name]) for name, state in self.states.items()]
        return torch.stack([(ours != theirs).reshape(len(ours), -1).any(dim=1) for ours, theirs in pairs]).any(dim=0)


def states_by_item(condensed: Sequence[Condensed], steps: Sequence[Step]) -> StateUnits:
    """The states by dataset item; `steps` are all steps of the pass.

    Raises:
        NoEvidenceError: Some were condensed by batch.
    """
    if why_not := next((each.why_not for each in condensed if each.why_not is not None), None):
        raise NoEvidenceError(why_not)
    # Items of steps and loaders are told apart as those of other records: the states stand for what was given.
    units = by_item([_as_update(each) for each in condensed], steps)
    return _summed(condensed, unit_of_row=units.unit_of_row, count=units.count)


def states_by_batch(condensed: Sequence[Condensed]) -> StateUnits:
    """The states by the batch in which they were made."""
    places = {step: place for place, step in enumerate(dict.fromkeys(each.step for each in condensed))}
    rows = [torch.full((len(next(iter(each.states.values()))),), places[each.step]) for each in condensed]
    return _summed(condensed, unit_of_row=torch.cat(rows), count=len(places))


def _summed(condensed: Sequence[Condensed], *, unit_of_row: Tensor, count: int) -> StateUnits:
    """The sums of the rows of each unit."""
    rows = {name: torch.cat([each.states[name].double() for each in condensed]) for name in condensed[0].states}
    zeros = {name: state.new_zeros(count, *state.shape[1:]) for name, state in rows.items()}
    return StateUnits(states={name: zeros[name].index_add(0, unit_of_row, state) for name, state in rows.items()})


def _as_update(condensed: Condensed) -> Update:
    return Update(step=condensed.step, args=(), kwargs=condensed.states)
