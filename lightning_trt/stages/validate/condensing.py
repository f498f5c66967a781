"""Updates made small while the pass goes on: what each item adds to a metric's states, not what it was given.

Logits of an image's pixels, or of a text's tokens, are many times as large as the counts that come of them. So an
update of an additive metric is taken apart once its step is over, and what it was given is gone before the next one.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import torch

from lightning_trt.batches.nests import tensors_of
from lightning_trt.replay import Condensed, Source, Step, Update, random_state_kept
from lightning_trt.stages.validate.algebra import Algebra, NoEvidenceError
from lightning_trt.stages.validate.units import TOO_LONG, by_batch, by_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torchmetrics import Metric

    from lightning_trt.stages.validate.algebra import States

__all__ = ["Condensing"]

_LEAST_BYTES = 4096
_WORTH = 4
_STATE_BYTES = 8


class Condensing:
    """Condenses updates that are large for their items, of additive metrics, within about `seconds`.

    What comes later is condensed by batch. Whether there is time left is asked once a step, so that all copies that are
    validated side by side are condensed alike.

    Example:
        >>> import torch
        >>> from torchmetrics import MeanSquaredError
        >>> from lightning_trt.replay import Step, Update
        >>> from lightning_trt.stages.validate.condensing import Condensing
        >>> maps = torch.zeros(2, 64, 64), torch.stack([torch.ones(64, 64), torch.full((64, 64), 2.0)])
        >>> condensed = Condensing(seconds=1.0)(MeanSquaredError(), Update(step=Step(0, 0, 2), args=maps, kwargs={}))
        >>> condensed.states["sum_squared_error"].flatten()
        tensor([ 4096., 16384.], dtype=torch.float64)
    """

    def __init__(self, *, seconds: float) -> None:
        self.spent_seconds = 0.0
        self._seconds = seconds
        self._step: Step | None = None
        self._has_time = True
        # By id: a torchmetrics Metric hashes by its states, which every update replaces.
        self._apart: dict[int, _Apart] = {}
        self._left: set[int] = set()

    def __call__(self, metric: Metric, update: Update) -> Update | Condensed:
        """The update condensed, or as it is where that would not be smaller by far or cannot be done."""
        step = update.step
        if step is None or id(metric) in self._left:
            return update
        started = perf_counter()
        if step != self._step:
            self._step, self._has_time = step, self.spent_seconds < self._seconds
        with _undisturbed():
            condensed = self._condensed(metric, update, step)
        self.spent_seconds += perf_counter() - started
        return condensed or update

    def _condensed(self, metric: Metric, update: Update, step: Step) -> Condensed | None:
        apart = self._apart.get(id(metric))
        if apart is not None:
            return _condensed(apart, update, step, has_time=self._has_time)
        first = _first(metric, update, step)
        if first is None:
            self._left.add(id(metric))
            return None
        self._apart[id(metric)], condensed = first
        return condensed


@dataclass(frozen=True, slots=True)
class _Apart:
    """How updates of one metric are taken apart: by item, in the way that the first one could be, or why not so."""

    algebra: Algebra
    way: int = 0
    why_not: str | None = None


def _first(metric: Metric, update: Update, step: Step) -> tuple[_Apart, Condensed] | None:
    """How `metric` is taken apart and its first update so, None where it cannot or need not be."""
    if not _is_large(update, step):
        return None
    try:
        algebra = Algebra(Source(metric=metric))
        return _tried(algebra, update, step) if _is_smaller(algebra, update, step) else None
    except Exception:  # noqa: BLE001 - the metric's own code: the evidence will say what it cannot do
        return None


def _tried(algebra: Algebra, update: Update, step: Step) -> tuple[_Apart, Condensed] | None:
    whole = _states_of_batch(algebra, update)
    try:
        ways = _ways(algebra, update, step)
    except NoEvidenceError as error:
        why_not = str(error)
        return _Apart(algebra, why_not=why_not), Condensed(step=step, states=whole, why_not=why_not)
    for place, way in enumerate(ways):
        with suppress(Exception):  # the metric's own code, which need not take a row alone
            states = way()
            if all(torch.allclose(states[name].sum(0), each[0].double()) for name, each in whole.items()):
                apart = _Apart(algebra, way=place)
                return None if _turns(algebra, states) else (apart, Condensed(step=step, states=states))
    return None


def _condensed(apart: _Apart, update: Update, step: Step, *, has_time: bool) -> Condensed | None:
    """The update by item where it can be and there is time, else as a whole; None where it cannot be had so either."""
    why_not = apart.why_not or (None if has_time else TOO_LONG)
    if why_not is None:
        try:
            return Condensed(step=step, states=_ways(apart.algebra, update, step)[apart.way]())
        except Exception as error:  # noqa: BLE001 - the metric's own code
            why_not = f"{type(error).__name__} when it was given an item alone: {error}"
    with suppress(Exception):
        return Condensed(step=step, states=_states_of_batch(apart.algebra, update), why_not=why_not)
    return None


def _ways(algebra: Algebra, update: Update, step: Step) -> Sequence[Callable[[], States]]:
    return by_item([update], [step]).ways(algebra, check_time=_no_limit)


def _states_of_batch(algebra: Algebra, update: Update) -> States:
    (way,) = by_batch([update]).ways(algebra, check_time=_no_limit)
    return way()


def _is_large(update: Update, step: Step) -> bool:
    """Whether every tensor has more than a number an item, and an item some kilobytes."""
    given = tensors_of((update.args, update.kwargs))
    return _num_bytes(update) >= _LEAST_BYTES * step.num_items and all(each.numel() > step.num_items for each in given)


def _is_smaller(algebra: Algebra, update: Update, step: Step) -> bool:
    """Whether the states of each item are far smaller than what was given for it."""
    num_bytes = algebra.num_state_values * _STATE_BYTES * step.num_items
    return algebra.is_additive and _WORTH * num_bytes <= _num_bytes(update)


def _turns(algebra: Algebra, states: States) -> bool:
    """Whether each item is worth 0 or 1: then those that turn are shown, with how far what was given for them moved."""
    try:
        values = algebra.values(states)
    except Exception:  # noqa: BLE001 - the metric's own code: it has no single value for some item alone
        return False
    return bool(((values == 0) | (values == 1)).all())


def _num_bytes(update: Update) -> int:
    return sum(tensor.nbytes for tensor in tensors_of((update.args, update.kwargs)))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """While entered, a metric's code may do what it likes, and the pass goes on as if it had not."""
    with random_state_kept(), warnings.catch_warnings(), torch.inference_mode(mode=False), torch.no_grad():
        warnings.simplefilter("ignore")
        yield


def _no_limit() -> None:
    pass
