"""The configs of a sweep: what runs its points, and what is optimised."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from hydra import compose, initialize_config_module
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.utils import instantiate
from omegaconf import OmegaConf
from zoo.composing import files_of, settings_from

from lightning_trt import hydra_schema
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from collections.abc import Callable

    from omegaconf import DictConfig

RAY = pytest.mark.skipif(
    find_spec("hydra_plugins.hydra_ray_launcher") is None, reason="Ray's launcher is not installed"
)
LAUNCHERS = [pytest.param(name, marks=RAY if name == "ray" else ()) for name in files_of("launcher")]


def hydra_of(*overrides: str) -> Any:
    """Hydra's own part of the command's config."""
    hydra_schema.store()
    with initialize_config_module("lightning_trt.conf", version_base="1.3"):
        # Outside a job Hydra has not named its folders yet.
        named = ["hydra.job.num=0", "hydra.job.id=0", "hydra.runtime.output_dir=sweep/0"]
        return compose("export", overrides=[*overrides, *named], return_hydra_config=True).hydra


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_is_one_of_hydras(name: str) -> None:
    """Its package takes all that our file says."""
    config = hydra_of(f"launcher={name}")

    assert isinstance(instantiate(config.launcher), Launcher)


def test_a_cluster_gives_each_point_a_gpu() -> None:
    """Latencies of points that share one would not be worth much."""
    launcher = hydra_of("launcher=slurm", "hydra.launcher.partition=gpu").launcher

    assert (launcher.gpus_per_node, launcher.partition) == (1, "gpu")


@pytest.mark.parametrize("name", files_of("search"))
def test_a_search_is_a_sweeper_of_optunas(name: str) -> None:
    """Whose package takes all that our file says."""
    config = hydra_of(f"search={name}")

    sweeper = instantiate(config.sweeper)

    assert isinstance(sweeper, Sweeper)
    assert type(sweeper).__name__ == "OptunaSweeper"


def test_the_search_for_accuracy_takes_a_limit_on_latency() -> None:
    """It is the gate's, which limits nothing else there."""
    settings = settings_from("search=accuracy", "gate.rules=[{max_latency_ms: 2}]")

    assert settings.precisions == (Precision.int8,)
    assert settings.gate is not None
    assert [rule.limits for rule in settings.gate.all_rules] == [{"max_latency_ms": 2.0}]
    assert settings.gate.default_max_drop is None


@pytest.mark.parametrize("schema", [hydra_schema.export_schema, hydra_schema.callback_schema])
def test_a_schema_travels_to_processes_and_back(schema: Callable[[], DictConfig]) -> None:
    """By the names of its classes, which are then the ones that are there."""
    sent = schema()

    received = pickle.loads(pickle.dumps(sent))  # noqa: S301 - our own

    assert received == sent
    assert OmegaConf.get_type(received, "gate") is OmegaConf.get_type(sent, "gate")
