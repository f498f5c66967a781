"""Real searches by Optuna: for the most accurate int8 engine within a limit, and for what nothing beats."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from sweeps.words import leaderboard, swept

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(find_spec("optuna") is None, reason="needs optuna, which is not installed")


def found(sweep: Path) -> Any:
    """What Optuna wrote down."""
    return yaml.safe_load((sweep / "optimization_results.yaml").read_text())


def test_the_search_for_accuracy_finds_the_least_drop(checkpoint: str, tmp_path: Path) -> None:
    """Among the calibrators that it tried, all within a limit that is wide."""
    space, limit = "calibrator=choice(minmax,mse,entropy)", "gate.rules=[{max_latency_ms: 1000}]"

    code = swept(checkpoint, "search=accuracy", space, "hydra.sweeper.n_trials=3", limit, into=tmp_path)

    drops = {each["candidate"]: each["drop"] for each in leaderboard(tmp_path)["entries"]}
    best = found(tmp_path)
    assert code == 0
    assert len(drops) > 1
    assert best["best_value"] == drops[f"int8-{best['best_params']['calibrator']}"] == min(drops.values())


@pytest.mark.filterwarnings("ignore:Fail.*went beyond a limit")
def test_points_outside_the_limit_are_no_solutions(checkpoint: str, tmp_path: Path) -> None:
    """They are in the table with what they measured, and the search, which has no best point, fails."""
    space, limit = "calibrator=choice(minmax,mse)", "gate.rules=[{max_latency_ms: 0.000001}]"

    code = swept(checkpoint, "search=accuracy", space, "hydra.sweeper.n_trials=1", limit, into=tmp_path)

    read = leaderboard(tmp_path)
    assert code == 1
    assert [each["verdict"] for each in read["entries"]] == ["fail"]
    assert "GateFailedError: Fail: int8-" in read["failures"][0]["why"]
    assert not (tmp_path / "optimization_results.yaml").exists()


def test_the_search_for_the_tradeoff_finds_paretos_front(checkpoint: str, tmp_path: Path) -> None:
    """Of drop and latency: the points that the table marks."""
    space = ["precision=choice(fp16,int8)", "calibrator=choice(minmax,mse)"]

    code = swept(checkpoint, "search=tradeoff", *space, "hydra.sweeper.n_trials=4", into=tmp_path)

    entries = leaderboard(tmp_path)["entries"]
    front = {(each["drop"], each["p50_ms"]) for each in entries if each["is_on_front"]}
    assert code == 0
    assert len(entries) > 1
    assert {tuple(each["values"]) for each in found(tmp_path)["solutions"]} == front
