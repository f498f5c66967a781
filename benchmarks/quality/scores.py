"""What a net's answers are worth, and what another's cost against them: paired, by lightning_trt.inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from detector import CLASSES, boxes_of
from precision import average_precision, matched

from lightning_trt.artifacts import Bootstrap, MetricReport, PairedBinary
from lightning_trt.inference import resampling_weights, with_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lightning_trt.artifacts import Evidence

    Array = NDArray[np.generic]

__all__ = ["Accuracy", "Agreement", "Detection", "Overlap", "Regression", "Score", "signal_to_noise"]

RESAMPLES = 1000
ALPHA = 0.025


class Score(Protocol):
    """Metrics of outputs against targets, each beside those of the reference's outputs.

    `has_classes` says whether the outputs are a number for each class, along axis 1.
    """

    has_classes: bool

    def __call__(self, outputs: Array, reference: Array, targets: Array) -> dict[str, MetricReport]:
        """Metrics by name; the first is the one that counts."""
        ...


@dataclass(frozen=True)
class Accuracy:
    """The share of items whose class is right."""

    has_classes = True

    def __call__(self, outputs: Array, reference: Array, targets: Array) -> dict[str, MetricReport]:
        is_right, was_right = (each.argmax(1) == targets for each in (outputs, reference))
        evidence = PairedBinary(
            n=len(targets), worse=int((was_right & ~is_right).sum()), better=int((is_right & ~was_right).sum())
        )
        value, before = float(is_right.mean()), float(was_right.mean())
        return {"accuracy": _report(value, before, evidence, higher_is_better=True)}


@dataclass(frozen=True)
class Agreement:
    """The share of items whose class is that of the reference: all that can be said without labels."""

    has_classes = True

    def __call__(self, outputs: Array, reference: Array, targets: Array) -> dict[str, MetricReport]:
        changed = int((outputs.argmax(1) != reference.argmax(1)).sum())
        evidence = PairedBinary(n=len(targets), worse=changed, better=0)
        return {"agreement": _report(1 - changed / len(targets), 1.0, evidence, higher_is_better=True)}


@dataclass(frozen=True)
class Regression:
    """R2, and the mean absolute error."""

    has_classes = False

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

    has_classes = True

    def __call__(self, outputs: Array, reference: Array, targets: Array) -> dict[str, MetricReport]:
        classes = outputs.shape[1]
        sums = {
            name: np.concatenate(_intersections(each.argmax(1), targets, classes), 1)
            for name, each in (("candidate", outputs), ("reference", reference))
        }

        def overlap(row: Array) -> float:
            return float(np.mean(row[:classes] / np.maximum(row[classes:], 1)))

        return {"mean IoU": _resampled(overlap, sums, higher_is_better=True)}


@dataclass(frozen=True)
class Detection:
    """Mean average precision of boxes."""

    has_classes = False

    def __call__(self, outputs: Array, reference: Array, targets: Array) -> dict[str, MetricReport]:
        there = [rows[rows[:, 4] >= 0] for rows in targets]
        found = {
            name: matched([rows.numpy() for rows in boxes_of(each)], there, classes=CLASSES)
            for name, each in (("candidate", outputs), ("reference", reference))
        }
        changed = int((outputs != reference).any((1, 2, 3)).sum())
        return {"mAP": _drawn(lambda name, weights: average_precision(found[name], weights), len(targets), changed)}


def _intersections(answers: Array, targets: Array, classes: int) -> tuple[Array, Array]:
    """Pixels of each image and class in both, and in either."""
    each = np.arange(classes)
    both = np.stack([((answers == one) & (targets == one)).sum((1, 2)) for one in each], 1)
    either = np.stack([((answers == one) | (targets == one)).sum((1, 2)) for one in each], 1)
    return both, either


def _resampled(value_of: Callable[[Array], float], sums: dict[str, Array], *, higher_is_better: bool) -> MetricReport:
    """The report of a metric that is a function of sums over items."""
    changed = int((sums["candidate"] != sums["reference"]).any(1).sum())

    def values(name: str, weights: Array) -> Array:
        return np.array([value_of(row) for row in weights @ sums[name]])

    return _drawn(values, len(sums["reference"]), changed, higher_is_better=higher_is_better)


def _drawn(
    values: Callable[[str, Array], Array], n: int, changed: int, *, higher_is_better: bool = True
) -> MetricReport:
    """The report of a metric whose `values` on resamples are told by the side and the items' weights, a row each."""
    blocks = list(resampling_weights(n, resamples=RESAMPLES, seed=0))
    drawn = {name: np.concatenate([values(name, each) for each in blocks]) for name in ("candidate", "reference")}
    evidence = Bootstrap(unit="item", n=n, changed=changed, **{name: tuple(each) for name, each in drawn.items()})
    value, before = (float(values(name, np.ones((1, n), np.int64))[0]) for name in ("candidate", "reference"))
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
