"""Hydra's own launchers and sweepers that a sweep may ask for, each a package of its own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["why_no_plugin"]

_CHOICES = {
    "hydra-joblib-launcher": ("launcher=joblib", "hydra/launcher=joblib"),
    "hydra-submitit-launcher": (
        "launcher=submitit",
        "launcher=slurm",
        "hydra/launcher=submitit_local",
        "hydra/launcher=submitit_slurm",
    ),
    "hydra-ray-launcher": ("launcher=ray", "hydra/launcher=ray"),
    "hydra-optuna-sweeper": ("search=accuracy", "search=tradeoff", "hydra/sweeper=optuna"),
}
"""The words that need a package, by its name."""


def why_no_plugin(words: Sequence[str]) -> str | None:
    """Why a launcher or a sweeper that `words` ask for is not there, and the line that mends it; else None.

    Example:
        >>> from lightning_trt.cli.export_plugins import why_no_plugin
        >>> why_no_plugin(["-m", "best.ckpt", "calibrator=mse,entropy"]) is None
        True
    """
    for package, choices in _CHOICES.items():
        asked = next((word for word in words if word in choices), None)
        if asked is not None and find_spec(f"hydra_plugins.{package.replace('-', '_')}") is None:
            return f"{asked} needs {package}, which is not installed. Install it: pip install {package}"
    return None
