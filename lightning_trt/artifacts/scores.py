"""What a validation pass measured, with the evidence for its intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BatchMeans",
    "Bootstrap",
    "ClassFlips",
    "Evidence",
    "FlippedItem",
    "Flips",
    "MetricScores",
    "PairedBinary",
    "Scores",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedBinary:
    """Evidence where the metric is the mean of one 0/1 value per dataset item.

    `worse` of `n` items went from 1 to 0 where higher is better (from 0 to 1 where lower is), `better` the other way.
    """

    n: int
    worse: int
    better: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """Evidence from a paired bootstrap: the metric of both sides on the same resamples of `n` units.

    `unit` is `item` or `batch`; `changed` counts the units whose records differ between the sides. `is_mean` says that
    the metric is the mean of one value per unit, `is_additive` that its states are sums over units; one that is not,
    such as an exact AUROC, ranks or matches all units anew. `changed_rarer` counts the changed units of that class of
    two of which fewer changed; None where the metric is additive, or was not given two classes.
    Where too few units changed there are no resamples.
    """

    unit: str
    n: int
    changed: int
    reference: tuple[float, ...]
    candidate: tuple[float, ...]
    is_mean: bool = False
    is_additive: bool = True
    changed_rarer: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMeans:
    """Evidence of a plain logged scalar: mean, sample standard deviation and skewness of the drop over `n` batches."""

    n: int
    mean: float
    deviation: float
    skewness: float = 0.0


Evidence = PairedBinary | Bootstrap | BatchMeans


@dataclass(frozen=True, slots=True, kw_only=True)
class FlippedItem:
    """One item that turned from right to wrong or back.

    `index` is its place in the dataset, counted through all loaders' datasets; `label` its class, None where the metric
    was given none; `change` how far what the metric was given of it moved (the largest difference of any number).
    """

    index: int
    label: int | None
    change: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFlips:
    """Of the `n` items of class `label`, how many turned for the worse and for the better."""

    label: int
    n: int
    worse: int
    better: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """Which items turned, where the metric is the mean of one 0/1 value per item.

    `p_value` is McNemar's, exact and two-sided: small where a metric that did not change would hardly turn so unevenly.
    `worse_items` and `better_items` have those that turned, the furthest moved first, a few of each; none where the
    order of the dataset is not known. `by_class` has the classes of which some item turned, by label.
    """

    p_value: float
    worse_items: tuple[FlippedItem, ...] = ()
    better_items: tuple[FlippedItem, ...] = ()
    by_class: tuple[ClassFlips, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricScores:
    """One metric of the reference and of every candidate, from the same samples.

    `higher_is_better` and `in_unit_interval` are None and False where nothing tells. A candidate that has no evidence
    has a sentence in `why_not` instead. `flips` are those of the candidates; `between` has the evidence of steps from
    one candidate to another.
    """

    reference: float
    candidates: Mapping[str, float]
    higher_is_better: bool | None
    in_unit_interval: bool
    evidence: Mapping[str, Evidence]
    why_not: Mapping[str, str]
    flips: Mapping[str, Flips] = field(default_factory=lambda: MappingProxyType({}))
    between: Mapping[tuple[str, str], Evidence] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What one validation pass measured.

    `digest` names the samples, so that two runs know whether they saw the same. `failures` says, by candidate, why it
    has no scores.
    """

    metrics: Mapping[str, MetricScores]
    samples: int
    digest: str
    indices: tuple[int, ...] | None
    failures: Mapping[str, str]
    notes: tuple[str, ...] = ()
