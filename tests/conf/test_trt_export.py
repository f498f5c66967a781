"""The callback's Hydra file says what the settings say."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
import yaml
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from zoo.composing import CONF

import lightning_trt
from lightning_trt.settings import ExportSettings, GateSettings, plain

if TYPE_CHECKING:
    from omegaconf import DictConfig

FILE = CONF / "callbacks" / "trt_export.yaml"
OBJECTS = ("metrics", "predict")
"""Keywords that take objects, and are no settings."""


@pytest.fixture
def composed() -> DictConfig:
    """The node that a project gets which has copied the file."""
    with initialize_config_module("lightning_trt.conf", version_base="1.3"):
        return compose(overrides=["+callbacks=trt_export"]).callbacks.trt_export


def test_every_default_is_written_down() -> None:
    """All settings, nested ones too, in their order, with their defaults: the file cannot drift."""
    read = yaml.safe_load(FILE.read_text())["trt_export"]
    said = {name: value for name, value in read.items() if not name.startswith("_")}

    taken = {"precisions": None, "calibrators": None, "gate": plain(GateSettings()), **dict.fromkeys(OBJECTS)}
    assert said == {**plain(ExportSettings()), **taken}
    assert [name for name in said if name not in OBJECTS] == [field.name for field in fields(ExportSettings)]


def test_hydra_makes_the_callback_of_it(composed: DictConfig) -> None:
    """Instantiated as a project's own code does it."""
    assert isinstance(instantiate(composed), lightning_trt.TRTExportCallback)


def test_settings_take_what_is_written(composed: DictConfig) -> None:
    """What Hydra hands over is what the settings take: words, lists and mappings of Python's own."""
    written = {name: value for name, value in composed.items() if name not in OBJECTS}

    settings = instantiate({**written, "_target_": "lightning_trt.ExportSettings"})

    assert settings == ExportSettings()
