"""Engines at work: manifests, sessions, and the module that stands in for the boundary.

Each name is imported when it is first asked for, so that what needs no torch opens without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_trt.runtime.module import TRTModule

__all__ = ["TRTModule"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("lightning_trt.runtime.module"), name)
