"""Evidence for a plain logged scalar, which Lightning averages over batches."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import torch

from lightning_trt.artifacts import BatchMeans
from lightning_trt.stages.validate.algebra import NoEvidenceError
from lightning_trt.stages.validate.traces import agree

if TYPE_CHECKING:
    from lightning_trt.stages.validate.traces import Trace

__all__ = ["batch_means"]

_FEWEST_BATCHES = 2

BatchMean = tuple[float, int]


def batch_means(reference: Trace, candidate: Trace, *, higher_is_better: bool | None) -> BatchMeans:
    """Mean, deviation and skewness of the drop over the batches, each weighed by its number of items as Lightning does.

    Where nothing tells which way is better, the drop is reference minus candidate.

    Raises:
        NoEvidenceError: It is not a mean over batches.
    """
    before, after = _means_by_step(reference), _means_by_step(candidate)
    if before.keys() != after.keys():
        raise NoEvidenceError(f"it was logged in {len(before)} batches by the reference and in {len(after)} here")
    if len(before) < _FEWEST_BATCHES:
        raise NoEvidenceError("it was logged in a single batch, so that nothing tells how it varies")
    weights = torch.tensor([num_items for _, num_items in before.values()], dtype=torch.float64)
    sign = -1.0 if higher_is_better is False else 1.0
    drops = torch.tensor([sign * (before[place][0] - after[place][0]) for place in before], dtype=torch.float64)
    mean = (weights * drops).sum() / weights.sum()
    # The deviation of a ratio of sums: a batch of few items says less, and its share of the mean is smaller.
    residuals = weights / weights.mean() * (drops - mean)
    spread = residuals.square().mean().sqrt()
    return BatchMeans(
        n=len(drops),
        mean=mean.item(),
        deviation=spread.item() * sqrt(len(drops) / (len(drops) - 1)),
        skewness=(residuals / spread).pow(3).mean().item() if spread > 0 else 0.0,
    )


def _means_by_step(trace: Trace) -> dict[tuple[int, int], BatchMean]:
    """Mean and number of items of each batch, by its place, where together they give the logged value."""
    sums: dict[tuple[int, int], BatchMean] = {}
    for entry in trace.logged:
        if entry.reduce_fx not in {"mean", "avg"}:
            raise NoEvidenceError(f"Lightning reduces it by {entry.reduce_fx}; only a mean varies as its batches do")
        if entry.step is None or entry.value is None:
            raise NoEvidenceError("it was logged once for all batches, so that nothing tells how it varies")
        place = entry.step.dataloader_idx, entry.step.batch_idx
        total, num_items = sums.get(place, (0.0, 0))
        sums[place] = total + entry.value.double().item() * entry.num_items, num_items + entry.num_items
    whole = sum(num_items for _, num_items in sums.values())
    rebuilt = sum(total for total, _ in sums.values()) / whole if whole else float("nan")
    if not agree(rebuilt, trace.value):
        raise NoEvidenceError(f"the mean of its batches is {rebuilt:.6g}, and {trace.value:.6g} was logged")
    return {place: (total / num_items, num_items) for place, (total, num_items) in sums.items()}
