"""The reference's scores are Lightning's own, in every way that there is to log."""

from __future__ import annotations

from typing import Any

import pytest
from zoo import Images, fitted
from zoo.logged import WAYS, Logged, TwoLoaders, named
from zoo.truth import replayed, validated

Logs = tuple[dict[str, float], dict[str, float]]
OTHERS = (
    "val/loss", "weighted", "quiet", "first loader", "batch end", "epoch end", "running", "largest", "spread/max"
)  # fmt: skip


@pytest.fixture(scope="module", params=["one loader", "two loaders"])
def logs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Logs:
    """What the replay logged, and what Lightning did."""
    several = request.param == "two loaders"
    data = TwoLoaders() if several else Images()
    module = Logged()
    monitor = "val/loss/dataloader_idx_0" if several else "val/loss"
    trainer = fitted(module, data, tmp_path_factory.mktemp("fit"), monitor=monitor, mode="min")
    return replayed(trainer, module), validated(trainer, module, data)


def of(name: str, logged: dict[str, float]) -> dict[str, float]:
    """What was logged under a name, with all suffixes of steps, epochs and loaders."""
    return {key: value for key, value in logged.items() if key.startswith(name)}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: named(*way))
def test_every_way_of_logging(logs: Logs, way: Any) -> None:
    """Values, reductions and moments of logging give Lightning's numbers, under Lightning's names."""
    ours, theirs = logs
    name = "collection-" if way[0] == "collection" and way[2] == (False, True) else named(*way)

    assert of(name, ours) == pytest.approx(of(name, theirs), abs=1e-6, rel=0)
    # What is logged for the step alone is no callback metric.
    assert bool(of(name, ours)) == way[2][1]


@pytest.mark.parametrize("name", OTHERS)
def test_every_place_of_logging(logs: Logs, name: str) -> None:
    """Options of log, other hooks and metrics of metrics give Lightning's numbers."""
    ours, theirs = logs

    assert of(name, ours) == pytest.approx(of(name, theirs), abs=1e-6, rel=0)
    assert of(name, ours)


def test_same_names(logs: Logs) -> None:
    """Nothing is logged that Lightning would not have, and nothing is missing."""
    ours, theirs = logs

    assert list(ours) == list(theirs)
