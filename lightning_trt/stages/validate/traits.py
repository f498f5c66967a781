"""What is known of a metric besides its value: which way is better, and whether it lies in [0, 1]."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lightning_trt.replay import Source

__all__ = ["higher_is_better", "in_unit_interval"]

_NO_MODES: Mapping[str, str] = MappingProxyType({})

_BEYOND_THEIR_PLOTS = (
    "AdjustedMutualInfo",
    "CohenKappa",
    "CosineSimilarity",
    "CoverageError",
    "EditDistance",
    "EditRate",
    "ErrorRate",
    "ExplainedVariance",
    "HingeLoss",
    "KendallRankCorrCoef",
    "MatthewsCorrCoef",
    "QualityIndex",
    "SpectralAngle",
    "StructuralSimilarity",
)
"""Metrics of torchmetrics that plot from 0 to 1 and have values outside."""


def higher_is_better(
    name: str, source: Source | None, callbacks: Iterable[Any], *, modes: Mapping[str, str] = _NO_MODES
) -> bool | None:
    """Which way the metric says, else the `mode` of a callback that monitors it; None where nothing tells.

    `modes` are those of the callbacks whose state the checkpoint holds, by metric.

    Example:
        >>> from types import SimpleNamespace
        >>> from lightning_trt.stages.validate.traits import higher_is_better
        >>> higher_is_better("val/loss", None, [SimpleNamespace(monitor="val/loss", mode="min")])
        False
        >>> higher_is_better("val/dice", None, [], modes={"val/dice": "max"})
        True
    """
    told: bool | None = None if source is None else source.metric.higher_is_better
    if told is not None:
        return told
    found = [getattr(callback, "mode", None) for callback in callbacks if getattr(callback, "monitor", None) == name]
    return next((mode == "max" for mode in (*found, modes.get(name)) if mode in {"min", "max"}), None)


def in_unit_interval(source: Source | None, values: Iterable[float]) -> bool:
    """Whether the metric is known to lie in [0, 1], and `values` do not tell otherwise.

    Example:
        >>> from torchmetrics.classification import BinaryAccuracy, BinaryCohenKappa
        >>> from lightning_trt.replay import Source
        >>> from lightning_trt.stages.validate.traits import in_unit_interval
        >>> in_unit_interval(Source(metric=BinaryAccuracy()), [0.9])
        True
        >>> in_unit_interval(Source(metric=BinaryCohenKappa()), [0.9])
        False
    """
    if source is None or (source.metric.plot_lower_bound, source.metric.plot_upper_bound) != (0.0, 1.0):
        return False
    kind = type(source.metric).__name__
    return not any(word in kind for word in _BEYOND_THEIR_PLOTS) and not any(value < 0 or value > 1 for value in values)
