"""What an engine was built from: the files that lie beside its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from lightning_trt.artifacts import OnnxGraph
from lightning_trt.backends.calibration_cache import ranges_of

if TYPE_CHECKING:
    from lightning_trt.artifacts import Engine

__all__ = ["CACHE_FILE", "LOG_FILE", "ONNX_FILE", "source_of"]

ONNX_FILE = "model.onnx"
"""The graph."""

CACHE_FILE = "calibration.cache"
"""The ranges, where the builder was told them beside the graph."""

LOG_FILE = "build.log"
"""What the builder said."""


def source_of(engine: Engine) -> OnnxGraph:
    """The graph that `engine` was built from, whose files were already checked.

    Raises:
        BuildError: The calibration cache cannot be read.
    """
    cache = engine.folder / CACHE_FILE
    return OnnxGraph(
        model=ir.load(engine.folder / ONNX_FILE),
        boundary=engine.boundary,
        sizes=engine.recipe.sizes if engine.recipe else {},
        ranges=ranges_of(cache.read_text(encoding="utf-8")) if cache.is_file() else None,
    )
