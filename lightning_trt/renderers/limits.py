"""Rules as people read them: what is limited, by what, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.renderers.numbers import milliseconds, number, signed, times

if TYPE_CHECKING:
    from lightning_trt.artifacts import Rule

__all__ = ["bound", "expected", "limited", "measured"]


def limited(rule: Rule, metric: str | None) -> str:
    """What `rule` limits: the metric that it means, the speedup or the median.

    Example:
        >>> from lightning_trt.artifacts import Rule
        >>> from lightning_trt.renderers.limits import limited
        >>> limited(Rule(max_drop=0.01), "val/acc"), limited(Rule(min_speedup=1.5), None)
        ('val/acc', 'speedup')
    """
    if rule.limits_time:
        return "speedup" if rule.min_speedup is not None else "p50"
    return "metric" if metric is None else metric


def bound(rule: Rule, limit: float | None) -> str:
    """`limit` in the units of what `rule` limits.

    Example:
        >>> from lightning_trt.artifacts import Rule
        >>> from lightning_trt.renderers.limits import bound
        >>> bound(Rule(max_latency_ms=5), 5.0), bound(Rule(max_drop=0.01), 0.01)
        ('5.00 ms', '0.0100')
    """
    if rule.min_speedup is not None:
        return times(limit)
    return f"{milliseconds(limit)} ms" if rule.max_latency_ms is not None else number(limit)


def expected(rule: Rule, *, metric: str | None, limit: float | None) -> str:
    """`rule` as a comparison; `metric` is the name that it means.

    Example:
        >>> from lightning_trt.artifacts import Rule
        >>> from lightning_trt.renderers.limits import expected
        >>> expected(Rule(max_drop=0.01), metric="val/acc", limit=0.01)
        'val/acc drop <= 0.0100'
        >>> expected(Rule(min_speedup=1.5), metric=None, limit=1.5)
        'speedup >= 1.50x'
    """
    drop = " drop" if rule.limits_drop else ""
    sign = ">=" if rule.min is not None or rule.min_speedup is not None else "<="
    return f"{limited(rule, metric)}{drop} {sign} {bound(rule, limit)}"


def measured(rule: Rule, found: float | None) -> str:
    """What was held against the limit; a drop has its sign.

    Example:
        >>> from lightning_trt.artifacts import Rule
        >>> from lightning_trt.renderers.limits import measured
        >>> measured(Rule(max_drop=0.01), 0.004), measured(Rule(min=0.9), 0.93), measured(Rule(min_speedup=2), None)
        ('+0.0040', '0.9300', '-')
    """
    return signed(found) if rule.limits_drop else "-" if found is None else bound(rule, found)
