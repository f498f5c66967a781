"""Several claims at once, and still one error rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values adjusted for each other: whichever are within alpha, the chance of any false one is at most alpha.

    Holm's step-down (1979, Scandinavian Journal of Statistics 6, 65-70): the smallest counts for all, the next for all
    but one, and none may overtake a smaller one. It asks nothing of how the claims depend on each other.

    Example:
        >>> from lightning_trt.inference import holm
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.02])]
        [0.03, 0.04, 0.04]
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return tuple(adjusted)
