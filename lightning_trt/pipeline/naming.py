"""Names of metrics that the settings mention, held against the metrics that there will be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.errors import SettingsError, nearest

if TYPE_CHECKING:
    from lightning_trt.replay import Scoring
    from lightning_trt.settings import ExportSettings

__all__ = ["check_names"]


def check_names(scoring: Scoring | None, settings: ExportSettings, *, monitor: str | None) -> None:
    """Raise where the settings name a metric that `scoring` does not have; what a validation step logs nobody knows.

    `monitor` is what a rule without a metric limits.

    Raises:
        MetricNotLoggedError: With the names that there are.
        SettingsError: A rule limits the monitored metric, and that is none of them.
    """
    if scoring is None:
        return
    rules = [rule for rule in (settings.gate.all_rules if settings.gate else ()) if not rule.limits_time]
    scoring.check_known([*settings.validation.metrics, *(rule.metric for rule in rules if rule.metric is not None)])
    if any(rule.metric is None for rule in rules) and monitor not in scoring.metrics:
        what = "and none is monitored" if monitor is None else f"which means {monitor!r}, the monitored one"
        raise SettingsError(
            f"gate has a limit without a metric, {what}; metrics= has no such metric. Write "
            f"gate={{'metric': ..., 'max_drop': ...}}. {nearest(monitor or '', scoring.metrics)}"
        )
