"""The package's configs in somebody else's application: in groups `lightning_trt/<group>`, at the callback's place.

The root of our configs becomes the group `lightning_trt`, and their root package the node `callbacks.trt_export`, which
is where `lightning_trt/callbacks: trt_export` puts the callback. So `+lightning_trt/precision=int8` just works, and no
group of ours has a name that an application may have itself.
"""

from __future__ import annotations

from importlib.resources import files
from io import StringIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.abc import Traversable

    from hydra.core.config_search_path import ConfigSearchPath
    from omegaconf.base import Container

__all__ = ["LightningTRTSearchPath", "LightningTRTSource"]

_GROUP = "lightning_trt"
_PACKAGE = "callbacks.trt_export"
_CALLBACK = "callbacks/trt_export"
_PRIMARY = "export"
_OF_THE_COMMAND = ("launcher", "search")
"""Groups of our command's own sweeps: an application has its own launchers and sweepers."""

_OVERRIDE = "override /"
_SCHEME = "lightning-trt"
_OURS = "pkg://lightning_trt.conf"


class LightningTRTSearchPath(SearchPathPlugin):
    """Adds our configs to the search path: last, so that a config of the application's own wins."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Nothing; `search_path` has one entry more, but that of our own command, which has them at its root."""
        if not any(each.path == _OURS for each in search_path.get_path()):
            search_path.append(provider="lightning-trt", path=f"{_SCHEME}://{_GROUP}")


class LightningTRTSource(ConfigSource):
    """The package's configs, as an application sees them."""

    @staticmethod
    def scheme() -> str:
        """What the search path calls it."""
        return _SCHEME

    def available(self) -> bool:
        """Whether the package is there, which its plugin may outlive."""
        return _folder() is not None

    def is_group(self, config_path: str) -> bool:
        """Whether there is such a folder."""
        if config_path in {"", _GROUP}:
            return True
        found = _found(config_path)
        return found is not None and found.is_dir() and not found.name.startswith("_")

    def is_config(self, config_path: str) -> bool:
        """Whether there is such a file; the command's own primary config is none of an application's."""
        found = _found(self._normalize_file_name(config_path))
        return found is not None and found.is_file() and _inner(config_path) not in {_PRIMARY, f"{_PRIMARY}.yaml"}

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Groups and configs in a group, sorted."""
        if config_path == "":
            return [] if results_filter is ObjectType.CONFIG else [_GROUP]
        names: list[str] = []
        found = _found(config_path)
        for each in [] if found is None or not found.is_dir() else found.iterdir():
            self._list_add_result(names, f"{config_path}/{each.name}", each.name, results_filter)
        return sorted(set(names))

    def load_config(self, config_path: str) -> ConfigResult:
        """A config, with its packages and groups where they are for an application."""
        found = _found(self._normalize_file_name(config_path))
        if found is None or not found.is_file():
            raise ConfigLoadError(f"lightning-trt has no config {config_path}.")
        text = found.read_text(encoding="utf-8")
        header = self._get_header_dict(text)
        inner = PurePosixPath(_inner(config_path)).with_suffix("")
        return ConfigResult(
            config=_config_of(str(inner), text),
            path=f"{self.scheme()}://{self.path}",
            provider=self.provider,
            header={**header, "package": _package_of(header["package"], inner)},
        )


def _folder() -> Traversable | None:
    try:
        return files("lightning_trt.conf")
    except ModuleNotFoundError:
        return None


def _inner(config_path: str) -> str:
    """What a config is called in our own folder."""
    return config_path.removeprefix(f"{_GROUP}/")


def _found(config_path: str) -> Traversable | None:
    folder = _folder()
    is_ours = config_path == _GROUP or config_path.startswith(f"{_GROUP}/")
    if folder is None or not is_ours or _inner(config_path).partition("/")[0] in _OF_THE_COMMAND:
        return None
    return folder if config_path == _GROUP else folder.joinpath(_inner(config_path))


def _package_of(said: str | None, inner: PurePosixPath) -> str:
    if said is None:
        return f"{_PACKAGE}.{inner.parent}"
    return _PACKAGE if said == "_global_" else said


def _config_of(inner: str, text: str) -> Container:
    """The config in `text`; the callback's has the schema below it, so that Hydra refuses what the settings would."""
    config = OmegaConf.load(StringIO(text))
    if "defaults" in config:
        config.defaults = [_mounted(each) for each in config.defaults]
    if inner != _CALLBACK:
        return config
    from lightning_trt.hydra_schema import callback_schema  # noqa: PLC0415 - see the package's docstring

    return OmegaConf.merge(callback_schema(), config)


def _mounted(default: str | Mapping[str, object]) -> str | dict[str, object]:
    """An entry of a defaults list; what overrides the command's own choice is the only one in an application."""
    if isinstance(default, str):
        return default
    return {str(key).replace(_OVERRIDE, f"/{_GROUP}/"): choice for key, choice in default.items()}
