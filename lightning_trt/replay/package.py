"""Which of the two packages of Lightning a Trainer or module belongs to: their classes are distinct."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lightning_trt.errors import ReplayError

__all__ = ["package_of", "part_of"]

_PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def package_of(thing: object) -> str:
    """Import name of the Lightning package that the class of `thing` comes from.

    Raises:
        ReplayError: It comes from neither, or `thing` is a class itself.

    Example:
        >>> import pytorch_lightning
        >>> from lightning_trt.replay.package import package_of
        >>> package_of(pytorch_lightning.LightningModule())
        'pytorch_lightning'
    """
    for kind in type(thing).__mro__:
        for package in _PACKAGES:
            if kind.__module__.startswith(f"{package}."):
                return package
    if isinstance(thing, type):
        raise ReplayError(f"{thing.__name__} is a class; give an object of it, e.g. {thing.__name__}().")
    raise ReplayError(
        f"{type(thing).__name__} is no class of {' or '.join(_PACKAGES)}. Give a LightningModule, LightningDataModule "
        "or Trainer of one of them."
    )


def part_of(package: str, path: str) -> Any:
    """The object at `path`, `module:name`, of the package."""
    module, _, name = path.partition(":")
    return getattr(import_module(f"{package}.{module}"), name)
