"""In somebody else's Hydra application our configs stand below `lightning_trt/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException
from hydra.utils import instantiate
from zoo.composing import CONF, files_of

from hydra_plugins.lightning_trt_plugin.mount import LightningTRTSource
from lightning_trt.precision import Precision
from lightning_trt.settings import CalibratorName, GateSettings, OnInconclusive

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt import ExportSettings

CONFIG = """
defaults:
  - /lightning_trt/callbacks: trt_export
  - precision: double
  - _self_

gate: the project's own
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a group and a key that are called like ours."""
    (tmp_path / "precision").mkdir()
    (tmp_path / "precision" / "double.yaml").write_text("bits: 64\n")
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def composed(project: Path, *overrides: str) -> Any:
    """What the project's application gets."""
    with initialize_config_dir(str(project), version_base="1.3"):
        return compose("config", overrides=list(overrides))


def settings_in(project: Path, *overrides: str) -> ExportSettings:
    """What its callback was told."""
    settings: ExportSettings = instantiate(composed(project, *overrides).callbacks.trt_export).settings
    return settings


def test_one_line_brings_the_callback(project: Path) -> None:
    """And leaves the project's own group and key of the same names alone."""
    config = composed(project)

    assert config.precision == {"bits": 64}
    assert config.gate == "the project's own"
    assert instantiate(config.callbacks.trt_export).settings.precisions[0] is Precision.fp32


def test_our_groups_reach_the_callback(project: Path) -> None:
    """Without a package to write: several at once, and values of them."""
    settings = settings_in(
        project,
        "+lightning_trt/precision=[fp16,int8]",
        "+lightning_trt/calibrator=mse",
        "+lightning_trt/gate=strict",
        "callbacks.trt_export.gate.alpha=0.05",
    )

    assert settings.precisions == (Precision.fp16, Precision.int8)
    assert settings.calibrators == (CalibratorName.mse,)
    assert settings.gate == GateSettings(max_drop_relative=0.005, on_inconclusive=OnInconclusive.fail, alpha=0.05)


def test_an_experiment_works_there_too(project: Path) -> None:
    """What it overrides in the command, it brings to a project."""
    settings = settings_in(project, "+lightning_trt/experiment=quick")

    assert settings.calibration.samples == 64


def test_the_projects_own_file_of_that_name_wins(project: Path) -> None:
    """Our entry is the last one of the search path."""
    own = project / "lightning_trt" / "gate"
    own.mkdir(parents=True)
    (own / "strict.yaml").write_text("# @package callbacks.trt_export.gate\nalpha: 0.1\n")

    settings = settings_in(project, "+lightning_trt/gate=strict")

    assert settings.gate == GateSettings(alpha=0.1)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        pytest.param("callbacks.trt_export.calibration.sampels=3", "not in 'CalibrationSettings'", id="typo"),
        pytest.param("callbacks.trt_export.calibration.samples=x", "not be converted to Integer", id="type"),
        pytest.param("+lightning_trt/precision=int9", "Could not find 'lightning_trt/precision/int9'", id="choice"),
    ],
)
def test_what_cannot_be_is_hydras_error_with_our_names(project: Path, override: str, sentence: str) -> None:
    """Before the fit."""
    with pytest.raises(HydraException) as caught:
        composed(project, override)

    assert sentence in f"{caught.value}\n{caught.value.__cause__}"


def test_all_choices_are_listed() -> None:
    """What Hydra offers, and completes in a shell; without the command's own config."""
    source = LightningTRTSource("lightning-trt", "lightning-trt://lightning_trt")

    groups = source.list("lightning_trt", ObjectType.GROUP)

    ours = {path.name for path in CONF.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert groups == sorted(ours - {"launcher", "search"})
    assert source.list("lightning_trt", ObjectType.CONFIG) == []
    assert source.list("lightning_trt/precision", None) == files_of("precision")
