"""Where a decreasing function crosses a level."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["crossing"]


def crossing(decreasing: Callable[[float], float], level: float, *, low: float, high: float) -> float:
    """Where between `low` and `high` the function falls to `level`, to the last bit; `high` where it never does.

    Example:
        >>> from lightning_trt.inference.roots import crossing
        >>> crossing(lambda x: -x * x, -2.0, low=0.0, high=2.0)
        1.414213562373095
    """
    if decreasing(high) > level:
        return high
    while low < (middle := (low + high) / 2) < high:
        if decreasing(middle) > level:
            low = middle
        else:
            high = middle
    return low
