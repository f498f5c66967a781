"""What a project's own config says of the module and the DataModule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from lightning_trt.errors import SettingsError
from lightning_trt.storage import yaml_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["parts_of_project"]

_NAMES = {"module": ("module", "model"), "datamodule": ("datamodule", "data")}
"""What we call the two parts, and what LightningCLI and lightning-hydra-template call them."""


def parts_of_project(folder: Path) -> dict[str, dict[str, Any]]:
    """Target and arguments of `module` and `datamodule`, as far as the training's config in `folder` has them.

    The config is `config.yaml`, in the folder or its `.hydra`: LightningCLI's, with `class_path` and `init_args`, or a
    Hydra application's, with `_target_`. Interpolations are resolved in it.

    Raises:
        SettingsError: The file cannot be read.
    """
    path = next((each for each in (folder / "config.yaml", folder / ".hydra" / "config.yaml") if each.is_file()), None)
    if path is None:
        return {}
    try:
        yaml_of(path.read_text(encoding="utf-8"))  # whose aliases OmegaConf would write out
        config = OmegaConf.load(path)
        said = {part: _first(config, names) for part, names in _NAMES.items()}
        plain = {part: OmegaConf.to_container(node, resolve=True) for part, node in said.items() if node is not None}
    except (OSError, ValueError, YAMLError, OmegaConfBaseException) as error:
        raise SettingsError(
            f"cannot read {path}: {' '.join(str(error).split())}. Give the folder of a training's config.yaml, or name "
            "the classes: module._target_=package.Class datamodule._target_=package.Class."
        ) from error
    return {part: dict(_targeted(node)) for part, node in plain.items() if isinstance(node, Mapping)}


def _first(config: Any, names: tuple[str, ...]) -> Any:  # noqa: ANN401 - a node of OmegaConf's
    return next(
        (config[name] for name in names if OmegaConf.is_dict(config) and OmegaConf.is_dict(config.get(name))), None
    )


def _targeted(node: Any) -> Any:  # noqa: ANN401 - what a config may hold
    """`node` with `_target_` and arguments where it has LightningCLI's `class_path` and `init_args`."""
    if isinstance(node, list):
        return [_targeted(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    if "class_path" not in node:
        return {key: _targeted(value) for key, value in node.items()}
    arguments = {**(node.get("init_args") or {}), **(node.get("dict_kwargs") or {})}
    return {"_target_": node["class_path"], **{key: _targeted(value) for key, value in arguments.items()}}
