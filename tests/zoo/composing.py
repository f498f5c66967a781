"""What the command composes of overrides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

import lightning_trt
from lightning_trt import hydra_schema
from lightning_trt.settings import ExportSettings, settings_of

__all__ = ["CONF", "composed", "files_of", "settings_from"]

CONF = Path(lightning_trt.__file__).parent / "conf"
_OF_THE_COMMAND = {"checkpoint", "module", "datamodule", "trust", "metrics", "predict", "objective", "sweep"}


def composed(*overrides: str) -> DictConfig:
    """The config of `lightning-trt export`."""
    hydra_schema.store()
    with initialize_config_module("lightning_trt.conf", version_base="1.3"):
        return compose("export", overrides=list(overrides))


def settings_from(*overrides: str) -> ExportSettings:
    """The settings that the command makes of it."""
    said: Any = OmegaConf.to_container(composed(*overrides), resolve=True)
    return settings_of(ExportSettings, {name: said[name] for name in said if name not in _OF_THE_COMMAND})


def files_of(group: str) -> list[str]:
    """Names of the choices of a group."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))
