"""How much more data would decide."""

from __future__ import annotations

from statistics import NormalDist

__all__ = ["growth_to_decide"]

_POWER = 0.8


def growth_to_decide(
    drop: float, *, error: float, limit: float, alpha: float, error_at_limit: float | None = None
) -> tuple[float, float | None]:
    """From and to how many times as much data would tell with probability 0.8 on which side of `limit` the drop lies.

    `error` is the standard error of `drop`, `error_at_limit` what it would be if the drop were the limit, where a test
    judges by that one; None takes the same for both. The true drop is not known: the first number holds where it lies
    one error further from the limit than seen, the second where it lies one error nearer; None where that is no side at
    all, or where an error of 0 says that nothing is known of it.
    The error shrinks with the root of the data (Connor 1987, Biometrics 43, 207-211, for paired proportions).

    Example:
        >>> from lightning_trt.inference import growth_to_decide
        >>> [round(times, 2) for times in growth_to_decide(0.0, error=0.004, limit=0.01, alpha=0.025)]
        [0.64, 3.49]
        >>> growth_to_decide(0.009, error=0.004, limit=0.01, alpha=0.025)[1] is None
        True
    """
    if error <= 0:
        return 1.0, None
    judged_by = error if error_at_limit is None else error_at_limit
    wanted = NormalDist().inv_cdf(1 - alpha) * judged_by + NormalDist().inv_cdf(_POWER) * error
    gap = abs(limit - drop)
    nearer = (wanted / (gap - error)) ** 2 if gap > error else None
    return (wanted / (gap + error)) ** 2, nearer
