"""The mean average precision of the quality bench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from types import ModuleType

BENCH = Path(__file__).parents[2] / "benchmarks" / "quality"
CLASSES = 3


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script beside the other scripts of the bench."""
    pytest.importorskip("faster_coco_eval")
    monkeypatch.syspath_prepend(str(BENCH))
    import precision  # noqa: PLC0415 - found only now

    return precision


@pytest.mark.usefixtures("boxes_convert")
def test_precision_of_resamples_is_that_of_torchmetrics(bench: ModuleType) -> None:
    """Images drawn twice, once and never, boxes that are right, off, missing and too many."""
    told, there = _scene(images=30)
    weights = np.random.default_rng(1).integers(0, 3, (4, 30))

    measured = bench.average_precision(bench.matched(told, there, classes=CLASSES), weights)

    drawn = [np.repeat(np.arange(30), row) for row in weights]
    expected = [_by_torchmetrics([told[i] for i in row], [there[i] for i in row]) for row in drawn]
    assert measured == pytest.approx(expected, abs=1e-6)


def _scene(*, images: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Boxes told, with scores, and those that are there: moved, of another class, doubled, or dropped."""
    generator = np.random.default_rng(0)
    there, told = [], []
    for _ in range(images):
        corners = generator.uniform(0, 60, (generator.integers(1, 5), 2))
        sizes, kinds = generator.uniform(8, 30, corners.shape), generator.integers(0, CLASSES, (len(corners), 1))
        there.append(np.concatenate([corners, corners + sizes, kinds], 1))
        seen = np.repeat(there[-1], generator.integers(0, 3, len(corners)), 0)
        moved = seen[:, :4] + generator.normal(0, 2, (len(seen), 4))
        named = np.where(generator.random((len(seen), 1)) < 0.2, 0, seen[:, 4:])
        told.append(np.concatenate([moved, generator.random((len(seen), 1)), named], 1))
    return told, there


def _by_torchmetrics(told: list[np.ndarray], there: list[np.ndarray]) -> float:
    from torchmetrics.detection.mean_ap import MeanAveragePrecision  # noqa: PLC0415 - after torchvision's function

    metric = MeanAveragePrecision(backend="faster_coco_eval")
    metric.update([_boxes(each, score=4) for each in told], [_boxes(each) for each in there])
    return float(metric.compute()["map"])


def _boxes(rows: np.ndarray, *, score: int | None = None) -> dict[str, torch.Tensor]:
    found = torch.from_numpy(rows)
    boxes = {"boxes": found[:, :4].float(), "labels": found[:, -1].long()}
    return boxes if score is None else {**boxes, "scores": found[:, score].float()}
