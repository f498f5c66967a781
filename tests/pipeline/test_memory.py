"""Two exports of the same network in one process: the second does not run the reference again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch
from zoo import Classifier, Images
from zoo.data import CLASSES
from zoo.exporting import quick

from lightning_trt import ReferenceMemory, Report, export

if TYPE_CHECKING:
    from pathlib import Path

NUM_BATCHES, BATCH = 26, 8


class Counting(torch.nn.Linear):
    """A layer whose class counts its calls with whole batches, wherever it was copied to; timing asks for one image."""

    num_calls = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """What the layer gives."""
        if not torch.compiler.is_exporting():
            Counting.num_calls += len(images) == BATCH
        return super().forward(images)


class Drawing(Counting):
    """A layer that draws a random number at each call."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """What the layer gives, whatever was drawn."""
        if not torch.compiler.is_exporting():
            torch.rand(1)
        return super().forward(images)


@dataclass(frozen=True)
class Exported:
    """A report, and how often the reference ran for it."""

    report: Report
    num_calls: int


def exported(
    into: Path, memory: ReferenceMemory | None, *, layer: type[Counting] = Counting, seed: int = 0
) -> Exported:
    """An export of a classifier with that layer and those weights."""
    torch.manual_seed(seed)
    module: Any = Classifier()
    module.model = torch.nn.Sequential(torch.nn.Flatten(), layer(64, CLASSES))
    Counting.num_calls = 0
    settings = quick(dirpath=into, monitor="val/acc", on_gate_fail="warn")
    report = export(module, Images(num_samples=NUM_BATCHES * BATCH, batch_size=BATCH), memory=memory, **settings)
    return Exported(report=report, num_calls=Counting.num_calls)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Exported, ReferenceMemory]:
    """An export, and what it left."""
    memory = ReferenceMemory()
    return exported(tmp_path_factory.mktemp("first"), memory), memory


def test_the_reference_runs_once_for_all_exports(first: tuple[Exported, ReferenceMemory], tmp_path: Path) -> None:
    """The second one's calls are fewer by a validation."""
    before, memory = first

    after = exported(tmp_path, memory)

    assert before.num_calls - after.num_calls >= NUM_BATCHES


def test_scores_are_the_same(first: tuple[Exported, ReferenceMemory], tmp_path: Path) -> None:
    """Of the reference and of the candidate, evidence included."""
    before, memory = first

    after = exported(tmp_path, memory)

    assert after.report.reference.metrics == before.report.reference.metrics
    assert after.report.candidates["fp32"].metrics == before.report.candidates["fp32"].metrics


def test_another_networks_results_are_not_taken(tmp_path: Path) -> None:
    """Other weights have other results for the same images."""
    memory = ReferenceMemory()
    exported(tmp_path / "one", memory)

    other = exported(tmp_path / "other", memory, seed=1)

    assert other.report.reference.metrics == exported(tmp_path / "alone", None, seed=1).report.reference.metrics


def test_a_network_that_draws_random_numbers_runs_again(tmp_path: Path) -> None:
    """Its results are no function of its inputs."""
    memory = ReferenceMemory()
    before = exported(tmp_path / "one", memory, layer=Drawing)

    after = exported(tmp_path / "other", memory, layer=Drawing)

    assert before.num_calls - after.num_calls < NUM_BATCHES


def test_what_does_not_fit_is_computed_again(tmp_path: Path) -> None:
    """Nothing is remembered beyond the limit."""
    memory = ReferenceMemory(limit_bytes=0)
    before = exported(tmp_path / "one", memory)

    after = exported(tmp_path / "other", memory)

    assert before.num_calls - after.num_calls < NUM_BATCHES
