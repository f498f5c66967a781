"""A metric as a calculator: states of inputs, the value of states. Private clones only, on the CPU."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.func import vmap
from torchmetrics.utilities.data import dim_zero_max, dim_zero_min, dim_zero_sum

from lightning_trt.stages.validate.branches import Branches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lightning_trt.replay import Source

__all__ = ["Algebra", "Inputs", "NoEvidenceError", "States"]

Inputs = dict[int | str, Any]
"""Arguments of one update: positional ones by their place, the others by name."""

States = dict[str, Tensor]


class NoEvidenceError(Exception):
    """Why a metric's interval cannot be had this way; caught inside the station, and told in `why_not`."""


class Algebra:
    """A clone of a logged metric: states from inputs, and its value from states or from inputs.

    A metric `is_additive` where each of its states is a sum: the states of a whole are then the sum of its parts'.

    Example:
        >>> import torch
        >>> from torchmetrics import MeanMetric
        >>> from lightning_trt.replay import Source
        >>> from lightning_trt.stages.validate.algebra import Algebra
        >>> mean = Algebra(Source(metric=MeanMetric()))
        >>> states = mean.states({0: torch.tensor([1.0, 3.0])})
        >>> mean.is_additive, mean.value(states).item()
        (True, 2.0)
    """

    def __init__(self, source: Source) -> None:
        self._key = source.key
        self._compute_maps = True
        self._metric = deepcopy(source.metric).to("cpu")
        self._metric.sync_on_compute = self._metric._to_sync = False  # noqa: SLF001 - else a rank waits for others
        self._metric.reset()
        if hasattr(self._metric, "validate_args"):
            self._metric.validate_args = False  # the pass has validated them, and vmap cannot
        self._defaults: dict[str, Any] = self._metric._defaults  # noqa: SLF001 - torchmetrics tells states only here
        reductions = set(self._metric._reductions.values())  # noqa: SLF001
        if reductions and reductions <= {dim_zero_max, dim_zero_min, torch.max, torch.min}:
            raise NoEvidenceError("it keeps a largest or smallest value, which resamples say nothing of")
        self.is_additive = (
            bool(self._defaults)
            and all(isinstance(default, Tensor) for default in self._defaults.values())
            and reductions <= {dim_zero_sum, torch.sum}
        )

    @property
    def num_state_values(self) -> int:
        """Numbers in the states of one part."""
        return sum(default.numel() for default in self._defaults.values())

    def states(self, inputs: Inputs, *, branches: Sequence[bool] | None = None) -> States:
        """States after one update of a fresh additive metric, which goes the ways of `branches` if they are given."""
        with Branches(branches):
            return self._states_from(self._zeros(), inputs)

    def branches(self, inputs: Inputs) -> list[bool]:
        """The ways that an update with `inputs` goes."""
        seen = Branches()
        with seen:
            self._states_from(self._zeros(), inputs)
        return seen.taken

    def states_of_rows(self, columns: Inputs, constants: Inputs, *, branches: Sequence[bool]) -> States:
        """States after an update of a fresh additive metric with each row, stacked, all rows at once.

        Columns are tensors of shape `(rows, items, ...)`. Raises whatever torch raises where the metric's code cannot
        be mapped over rows.
        """
        num_rows = len(next(iter(columns.values())))
        # Zeros for every row: an update that adds in place could not add a row's own value to shared zeros.
        zeros = {name: zero.expand(num_rows, *zero.shape).clone() for name, zero in self._zeros().items()}
        with Branches(branches):
            mapped: States = vmap(lambda zero, row: self._states_from(zero, {**row, **constants}))(zeros, columns)
        return mapped

    def value(self, states: States) -> Tensor:
        """The metric's value, a scalar of float64, for the states of an additive metric."""
        for name, state in states.items():
            setattr(self._metric, name, state.to(self._defaults[name].dtype))
        self._metric._update_count = 1  # noqa: SLF001 - some metrics ask whether they were updated
        return self._picked(type(self._metric).compute(self._metric))

    def values(self, states: States) -> Tensor:
        """The metric's value for each of the stacked states of an additive metric, of shape `(len(states),)`."""
        if self._compute_maps:
            try:
                mapped: Tensor = vmap(self.value)(states)
            except Exception:  # noqa: BLE001 - code that depends on values cannot be mapped: one by one then
                self._compute_maps = False
            else:
                return mapped
        count = len(next(iter(states.values())))
        return torch.stack([self.value({name: state[i] for name, state in states.items()}) for i in range(count)])

    def value_of_updates(self, updates: Iterable[Inputs]) -> Tensor:
        """The value after several updates of a fresh metric, of any kind."""
        self._metric.reset()
        for inputs in updates:
            args, kwargs = _call(inputs)
            self._metric.update(*args, **kwargs)
        value = self._picked(self._metric.compute())
        self._metric.reset()
        return value

    def _states_from(self, states: States, inputs: Inputs) -> States:
        for name, state in states.items():
            setattr(self._metric, name, state)
        args, kwargs = _call(inputs)
        # The class's own update, without the wrapper that counts, times and catches at each call.
        type(self._metric).update(self._metric, *args, **kwargs)
        return {name: getattr(self._metric, name) for name in states}

    def _zeros(self) -> States:
        return {name: default.clone() for name, default in self._defaults.items()}

    def _picked(self, result: Tensor | Mapping[str, Tensor]) -> Tensor:
        value = torch.as_tensor(result if self._key is None else result[self._key])  # type: ignore[index]
        if value.numel() != 1:
            raise NoEvidenceError(f"it computes {value.numel()} numbers, and only a single one has a drop")
        return value.reshape(()).double()


def _call(inputs: Inputs) -> tuple[list[Any], dict[str, Any]]:
    places = sorted(place for place in inputs if isinstance(place, int))
    return [inputs[place] for place in places], {name: v for name, v in inputs.items() if isinstance(name, str)}
