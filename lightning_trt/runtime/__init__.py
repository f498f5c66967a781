"""Engines at work: manifests, sessions, and the module that stands in for the boundary.

Each name is imported when it is first asked for, so that what needs no torch opens without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_trt.runtime.layer_times import LayerTime
    from lightning_trt.runtime.module import TRTModule
    from lightning_trt.runtime.opening import ArraySession, open_engine
    from lightning_trt.runtime.profiling import profiled

__all__ = ["ArraySession", "LayerTime", "TRTModule", "open_engine", "profiled"]

_HOMES = {
    "ArraySession": "lightning_trt.runtime.opening",
    "LayerTime": "lightning_trt.runtime.layer_times",
    "TRTModule": "lightning_trt.runtime.module",
    "open_engine": "lightning_trt.runtime.opening",
    "profiled": "lightning_trt.runtime.profiling",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
