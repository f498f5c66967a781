"""The callback's Hydra file says what the settings say."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

import lightning_trt
from lightning_trt.settings import ExportSettings, plain

FILE = Path(lightning_trt.__file__).parent / "conf" / "callbacks" / "trt_export.yaml"


@pytest.fixture
def composed() -> DictConfig:
    """The node that a project's `callbacks: [trt_export]` gets."""
    with initialize_config_module("lightning_trt.conf", version_base="1.3"):
        return compose(overrides=["+callbacks=trt_export"]).callbacks.trt_export


def settings_in(node: DictConfig) -> dict[str, object]:
    """What the node says to the callback, without what it says to Hydra."""
    said = OmegaConf.to_container(node)
    assert isinstance(said, dict)
    return {str(key): value for key, value in said.items() if not str(key).startswith("_")}


def test_every_default_is_written_down(composed: DictConfig) -> None:
    """All settings, nested ones too, in their order, with their defaults: the file cannot drift."""
    assert settings_in(composed) == plain(ExportSettings())
    assert list(settings_in(composed)) == [field.name for field in fields(ExportSettings)]


def test_hydra_makes_the_callback_of_it(composed: DictConfig) -> None:
    """Instantiated as a project's own code does it."""
    assert isinstance(instantiate(composed), lightning_trt.TRTExportCallback)


def test_settings_take_what_is_written(composed: DictConfig) -> None:
    """What Hydra hands over is what the settings take: words, lists and mappings of Python's own."""
    settings = instantiate({**composed, "_target_": "lightning_trt.ExportSettings"})

    assert settings == ExportSettings()


def test_override_reaches_the_settings() -> None:
    """Nested keys are changed by name, as Hydra does it."""
    with initialize_config_module("lightning_trt.conf", version_base="1.3"):
        override = "callbacks.trt_export.calibration.samples=64"
        node = compose(overrides=["+callbacks=trt_export", override]).callbacks.trt_export

    assert ExportSettings(**settings_in(node)).calibration.samples == 64


def test_every_key_is_explained() -> None:
    """A comment at the end of each line that sets something, the target aside."""
    keys = [line for line in FILE.read_text().splitlines() if re.match(r"\s+[a-z]\w*:", line)]

    assert [line for line in keys if " # " not in line] == []
