"""Validations whose true drop is known, many at a time: the evidence that a run would have, by metric.

Each function gives one `Bootstrap`, `PairedBinary` or `BatchMeans` a repetition. What a metric is on a resample is
computed here for all resamples at once, by weights of `lightning_trt.inference.resampling_weights` as in a run.
"""

from __future__ import annotations

from functools import cache
from math import erf, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_trt.artifacts import BatchMeans, Bootstrap, PairedBinary
from lightning_trt.inference import resampling_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

__all__ = ["auroc", "auroc_drop", "average_precision", "average_precision_drop", "batches", "f1", "mean", "pairs"]

CLASSES = 10
AT_ONCE = 250


@cache
def weights(n: int, resamples: int) -> Floats:
    """Rows of multiplicities, of shape `(resamples, n)`, with the seed that a run has."""
    return np.concatenate(list(resampling_weights(n, resamples=resamples, seed=0))).astype(np.float32)


def pairs(rng: np.random.Generator, *, n: int, flips: float, drop: float, runs: int) -> Iterator[PairedBinary]:
    """Items that turn, `flips` of all, by `drop` more for the worse."""
    shares = [(flips + drop) / 2, (flips - drop) / 2, 1 - flips]
    for worse, better, _ in rng.multinomial(n, shares, size=runs).tolist():
        yield PairedBinary(n=n, worse=worse, better=better)


def changes(rng: np.random.Generator, *, n: int, flips: float, drop: float, runs: int) -> Floats:
    """How far the value of each item moves for the worse, of shape `(runs, n)`: not at all, or exponentially."""
    moved = rng.random((runs, n), dtype=np.float32) < flips
    up = rng.random((runs, n), dtype=np.float32) < (1 + drop / flips) / 2
    size = rng.standard_exponential((runs, n), dtype=np.float32)
    return moved * np.where(up, size, -size)


def mean(
    rng: np.random.Generator, *, n: int, flips: float, drop: float, runs: int, resamples: int
) -> Iterator[Bootstrap]:
    """A mean of one value an item, such as the absolute error."""
    for _ in range(0, runs, AT_ONCE):
        moved = changes(rng, n=n, flips=flips, drop=drop, runs=min(AT_ONCE, runs))
        drops = weights(n, resamples) @ moved.T / n
        for column, row in zip(drops.T, moved, strict=True):
            yield bootstrap(np.zeros(resamples), -column, changed=int(np.count_nonzero(row)), n=n, is_mean=True)


def batches(rng: np.random.Generator, *, n: int, flips: float, drop: float, runs: int) -> Iterator[BatchMeans]:
    """The same mean as a scalar logged in batches of 32."""
    for _ in range(0, runs, AT_ONCE):
        moved = changes(rng, n=n, flips=flips, drop=drop, runs=min(AT_ONCE, runs))
        means = moved[:, : n // 32 * 32].reshape(len(moved), -1, 32).mean(axis=2)
        for row in means:
            yield batch_means(row)


def batch_means(drops: Floats) -> BatchMeans:
    """The evidence of batches of one size, as a run would have it."""
    residuals = drops - drops.mean()
    spread = float(np.sqrt((residuals**2).mean()))
    return BatchMeans(
        n=len(drops),
        mean=float(drops.mean()),
        deviation=float(drops.std(ddof=1)),
        skewness=float(((residuals / spread) ** 3).mean()) if spread > 0 else 0.0,
    )


def f1(
    rng: np.random.Generator, *, n: int, flips: float, drop: float, runs: int, resamples: int
) -> Iterator[Bootstrap]:
    """Macro F1 of ten classes that are confused evenly, so that it is the accuracy: 0.9 in the reference."""
    for _ in range(runs):
        truth = rng.integers(CLASSES, size=n)
        wrong = (truth + rng.integers(1, CLASSES, size=n)) % CLASSES
        right = rng.random(n) < 0.9
        draw = rng.random(n)
        # Shares of all items; a right one turns wrong, a wrong one right.
        turned = np.where(right, draw < (flips + drop) / 2 / 0.9, draw < (flips - drop) / 2 / 0.1)
        before, after = np.where(right, truth, wrong), np.where(right ^ turned, truth, wrong)
        both = [f1_on(weights(n, resamples), predicted, truth) for predicted in (before, after)]
        yield bootstrap(*both, changed=int((before != after).sum()), n=n)


def f1_on(rows: Floats, predicted: NDArray[np.int64], truth: NDArray[np.int64]) -> Floats:
    """Macro F1 on each resample."""
    hot = np.eye(CLASSES, dtype=np.float32)
    counts = rows @ np.concatenate([hot[predicted] * (predicted == truth)[:, None], hot[predicted] + hot[truth]], 1)
    total = counts[:, CLASSES:]
    score = 2 * counts[:, :CLASSES] / np.maximum(total, 1)
    return score.sum(1) / (total > 0).sum(1)


def auroc(
    rng: np.random.Generator, *, n: int, flips: float, spread: float, positives: float, runs: int, resamples: int
) -> Iterator[Bootstrap]:
    """AUROC of two normal classes 1.8 apart; `flips` of the scores are drawn afresh in part, `spread` times as wide."""
    for _ in range(runs):
        is_positive = rng.random(n) < positives
        noise, fresh = rng.standard_normal((2, n))
        moved = rng.random(n) < flips
        after = np.where(moved, spread * (0.95 * noise + sqrt(1 - 0.95**2) * fresh), noise)
        both = [auroc_on(weights(n, resamples), each + 1.8 * is_positive, is_positive) for each in (noise, after)]
        rarer = min(int((moved & each).sum()) for each in (is_positive, ~is_positive))
        yield bootstrap(*both, changed=int(moved.sum()), n=n, is_additive=False, changed_rarer=rarer)


def auroc_on(rows: Floats, scores: Floats, is_positive: NDArray[np.bool_]) -> Floats:
    """AUROC on each resample; NaN where a class is missing."""
    order = np.argsort(scores)
    positive = rows[:, order] * is_positive[order]
    negative = rows[:, order] * ~is_positive[order]
    with np.errstate(invalid="ignore"):
        ranked: Floats = (positive * np.cumsum(negative, 1)).sum(1) / (positive.sum(1) * negative.sum(1))
    return ranked


def auroc_drop(*, flips: float, spread: float) -> float:
    """The true drop of `auroc`."""
    ends = ((1 - flips) ** 2, 2.0), (2 * flips * (1 - flips), 1 + spread**2), (flips**2, 2 * spread**2)
    return area(2.0) - sum(share * area(variance) for share, variance in ends)


def area(variance: float) -> float:
    """The chance that a positive is above a negative, where their difference has this variance."""
    return 0.5 * (1 + erf(1.8 / sqrt(2 * variance)))


def average_precision(
    rng: np.random.Generator, *, n: int, flips: float, lost: float, runs: int, resamples: int
) -> Iterator[Bootstrap]:
    """Average precision of detections in `n` images, one class; `flips` of the scores move, `lost` of all go."""
    for _ in range(runs):
        image, hit, before, after = detections(rng, n=n, flips=flips, lost=lost)
        objects = np.bincount(image, weights=hit, minlength=n) + rng.poisson(0.3, n)
        both = [
            precision_on(weights(n, resamples), each, image=image, hit=hit, objects=objects) for each in (before, after)
        ]
        yield bootstrap(*both, changed=len(np.unique(image[before != after])), n=n, is_additive=False)


@cache
def average_precision_drop(*, flips: float, lost: float, n: int = 400_000) -> float:
    """The true drop of `average_precision`, from very many images."""
    rng = np.random.default_rng(1)
    image, hit, before, after = detections(rng, n=n, flips=flips, lost=lost)
    objects = np.bincount(image, weights=hit, minlength=n) + rng.poisson(0.3, n)
    once = np.ones((1, n), np.float32)
    whole = [precision_on(once, each, image=image, hit=hit, objects=objects)[0] for each in (before, after)]
    return float(whole[0] - whole[1])


def detections(
    rng: np.random.Generator, *, n: int, flips: float, lost: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_], Floats, Floats]:
    """Image of each detection, whether it hits an object, and its score before and after; a lost one has -1."""
    image = np.sort(rng.integers(n, size=3 * n))
    hit = rng.random(3 * n) < 0.6
    before = rng.beta(np.where(hit, 5, 2), np.where(hit, 2, 5))
    moved = np.where(rng.random(3 * n) < flips, before + 0.05 * rng.standard_normal(3 * n), before)
    return image, hit, before, np.where(rng.random(3 * n) < lost, -1.0, moved)


def precision_on(
    rows: Floats, scores: Floats, *, image: NDArray[np.int64], hit: NDArray[np.bool_], objects: Floats
) -> Floats:
    """COCO's average precision, at 101 recalls, on each resample of the images."""
    order = np.argsort(-scores)
    order = order[scores[order] >= 0]
    seen = rows[:, image[order]]
    true = np.cumsum(seen * hit[order], 1)
    precision = true / np.maximum(np.cumsum(seen, 1), 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = true / (rows @ objects.astype(np.float32))[:, None]
    levels = np.linspace(0, 1, 101)
    places = [np.searchsorted(row, levels) for row in recall]
    padded = np.concatenate([best, np.zeros((len(best), 1), best.dtype)], 1)
    return np.array([row[place].mean() for row, place in zip(padded, places, strict=True)])


def bootstrap(before: Floats, after: Floats, **known: Any) -> Bootstrap:  # noqa: ANN401 - fields of Bootstrap
    """The evidence as a run would have it."""
    return Bootstrap(unit="item", reference=tuple(before.tolist()), candidate=tuple(after.tolist()), **known)
