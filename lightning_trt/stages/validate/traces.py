"""What one copy left of one metric: its value, where it came from, and the records behind it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.replay import Condensed, Logged, Recorder, Source, Step, Update

__all__ = ["Trace", "agree", "trace_of"]

_LOADER = "/dataloader_idx_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One metric of one copy: its value, and what was recorded of it.

    `updates` are the updates of the metric that `source` names, None where there was no room for them; `logged` its
    `self.log` calls; `steps` all steps of the pass.
    """

    value: float
    source: Source | None
    updates: Sequence[Update | Condensed] | None
    logged: tuple[Logged, ...]
    steps: Sequence[Step]


def trace_of(name: str, recorder: Recorder, value: float) -> Trace:
    """What `recorder` knows of the metric `name` of `callback_metrics`."""
    logged = _logged_as(name, recorder.logged)
    source = next((entry.source for entry in logged if entry.source is not None), None)
    return Trace(
        value=value,
        source=source,
        updates=() if source is None else recorder.updates(source.metric),
        logged=logged,
        steps=recorder.steps,
    )


def agree(rebuilt: float, logged: float) -> bool:
    """Whether a value rebuilt from records is the logged one, but for float32's rounding of long sums.

    Example:
        >>> from lightning_trt.stages.validate.traces import agree
        >>> agree(0.5000001, 0.5), agree(0.501, 0.5)
        (True, False)
    """
    return isclose(rebuilt, logged, rel_tol=1e-5, abs_tol=1e-6)


def _logged_as(name: str, logged: Sequence[Logged]) -> tuple[Logged, ...]:
    """The calls of `self.log` whose value over the epoch Lightning calls `name`."""
    base, _, loader = name.partition(_LOADER)
    found = tuple(
        entry
        for entry in logged
        if entry.on_epoch and (not loader or entry.step is None or entry.step.dataloader_idx == int(loader))
    )
    exact = tuple(entry for entry in found if entry.name == base)
    forked = base.removesuffix("_epoch")
    return exact or tuple(entry for entry in found if entry.name == forked and entry.on_step)
