"""What a net's answers are worth, and what another's cost against them: paired, by lightning_trt.inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lightning_trt.artifacts import Bootstrap, MetricReport, PairedBinary
from lightning_trt.inference import resampling_weights, with_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_trt.artifacts import Evidence

    Array = NDArray[np.generic]

__all__ = ["Accuracy", "Overlap", "Regression", "Score", "signal_to_noise"]

RESAMPLES = 1000
ALPHA = 0.025


class Score(Protocol):
    """Metrics of outputs against targets, each beside those of the reference's outputs."""

    def __call__(self, outputs: Array, reference: Array, targets: Array) -> dict[str, MetricReport]:
        """Metrics by name; the first is the one that counts."""
        ...


@dataclass(frozen=True)
class Accuracy:
    """The share of items whose class is right."""

    def __call__(self, outputs: Array, reference: Array, targets: Array) -> dict[str, MetricReport]:
        is_right, was_right = (each.argmax(1) == targets for each in (outputs, reference))
        evidence = PairedBinary(
            n=len(targets), worse=int((was_right & ~is_right).sum()), better=int((is_right & ~was_right).sum())
        )
        value, before = float(is_right.mean()), float(was_right.mean())
        return {"accuracy": _report(value, before, evidence, higher_is_better=True)}


@dataclass(frozen=True)
class Regression:
    """R2, and the mean absolute error."""

    def __call__(self, outputs: Array, reference: Array, targets: Array) -> dict[str, MetricReport]:
        sums = {
            name: np.stack([np.abs(each - targets), (each - targets) ** 2, targets, targets**2], 1).astype(np.float64)
            for name, each in (("candidate", outputs), ("reference", reference))
        }

        def r2(row: Array) -> float:
            return 1 - row[1] / (row[3] - row[2] ** 2 / len(targets))

        def error(row: Array) -> float:
            return row[0] / len(targets)

        return {
            "R2": _resampled(r2, sums, higher_is_better=True),
            "MAE": _resampled(error, sums, higher_is_better=False),
        }


@dataclass(frozen=True)
class Overlap:
    """Mean intersection over union of the classes, of all images together."""

    def __call__(self, outputs: Array, reference: Array, targets: Array) -> dict[str, MetricReport]:
        classes = outputs.shape[1]
        sums = {
            name: np.concatenate(_intersections(each.argmax(1), targets, classes), 1)
            for name, each in (("candidate", outputs), ("reference", reference))
        }

        def overlap(row: Array) -> float:
            return float(np.mean(row[:classes] / np.maximum(row[classes:], 1)))

        return {"mean IoU": _resampled(overlap, sums, higher_is_better=True)}


def _intersections(answers: Array, targets: Array, classes: int) -> tuple[Array, Array]:
    """Pixels of each image and class in both, and in either."""
    each = np.arange(classes)
    both = np.stack([((answers == one) & (targets == one)).sum((1, 2)) for one in each], 1)
    either = np.stack([((answers == one) | (targets == one)).sum((1, 2)) for one in each], 1)
    return both, either


def _resampled(value_of: object, sums: dict[str, Array], *, higher_is_better: bool) -> MetricReport:
    """The report of a metric that is a function of sums over items."""
    candidate, reference = sums["candidate"], sums["reference"]
    n = len(reference)
    drawn: dict[str, list[float]] = {"candidate": [], "reference": []}
    for weights in resampling_weights(n, resamples=RESAMPLES, seed=0):
        for name, values in drawn.items():
            values += [value_of(row) for row in weights @ sums[name]]
    evidence = Bootstrap(
        unit="item",
        n=n,
        changed=int((candidate != reference).any(1).sum()),
        reference=tuple(drawn["reference"]),
        candidate=tuple(drawn["candidate"]),
    )
    value, before = (float(value_of(each.sum(0))) for each in (candidate, reference))
    return _report(value, before, evidence, higher_is_better=higher_is_better)


def _report(value: float, before: float, evidence: Evidence, *, higher_is_better: bool) -> MetricReport:
    drop = before - value if higher_is_better else value - before
    bare = MetricReport(
        value=value,
        drop=drop,
        drop_low=None,
        drop_high=None,
        confidence=1 - 2 * ALPHA,
        higher_is_better=higher_is_better,
        trusted=False,
        why_not=None,
        evidence=evidence,
    )
    return with_interval(bare, alpha=ALPHA)


def signal_to_noise(outputs: Array, reference: Array) -> float:
    """Power of the reference's outputs over that of the difference, in decibels."""
    noise = float(np.mean((outputs - reference).astype(np.float64) ** 2))
    return 10 * np.log10(float(np.mean(reference.astype(np.float64) ** 2)) / noise) if noise else float("inf")
