"""What an engine was built from: the files that lie beside its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from lightning_trt.artifacts import OnnxGraph
from lightning_trt.backends.calibration_cache import ranges_in
from lightning_trt.errors import BuildError

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
        BuildError: The graph or the calibration cache cannot be read.
    """
    cache = engine.folder / CACHE_FILE
    try:
        model = ir.load(engine.folder / ONNX_FILE)
    except Exception as error:  # protobuf's errors and the file system's share no base class
        raise BuildError(
            f"{engine.folder / ONNX_FILE} cannot be read as ONNX: {error}. Export the checkpoint again."
        ) from error
    return OnnxGraph(
        model=model,
        boundary=engine.boundary,
        sizes=engine.recipe.sizes if engine.recipe else {},
        ranges=ranges_in(cache) if cache.is_file() else None,
    )
