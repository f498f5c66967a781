"""Which logged names depend on weights outside the boundaries: those stay in torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from lightning_trt.replay import Replay, copy_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.replay import Subject

__all__ = ["outside_weights"]

_NAMES_SHOWN = 3


def outside_weights(subject: Subject, boundaries: Sequence[str]) -> tuple[str, ...]:
    """A note if what a batch logs changes when all weights outside of `boundaries` become NaN."""
    module = copy_of(subject.module)
    outside = [name for name, _ in module.named_parameters() if not any(_is_inside(name, each) for each in boundaries)]
    with torch.no_grad():
        for name in outside:
            module.get_parameter(name).fill_(math.nan)
    replay = Replay(subject, {"as they are": copy_of(subject.module), "without": module}, batches_per_loader=1)
    if outside:
        replay.run()
    logged = replay.metrics.get("as they are", {})
    # A step that fails on NaN uses them too.
    without = replay.metrics.get("without", {})
    changed = [name for name, value in logged.items() if not _same(value, without.get(name))]
    if not changed:
        return ()
    note = f"probe: {', '.join(changed)} depend on weights outside of the boundary ({_shortened(outside)})"
    return (f"{note}; they stay in torch and are no part of the engine",)


def _is_inside(parameter: str, boundary: str) -> bool:
    return not boundary or parameter.startswith(f"{boundary}.")


def _same(one: float, other: float | None) -> bool:
    return repr(one) == repr(other)  # NaN equals NaN here


def _shortened(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
