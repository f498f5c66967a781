"""The graph run by onnxruntime on the CPU, with the tensors that will carry Q/DQ in sight."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from lightning_trt.artifacts import BATCH
from lightning_trt.passes import quantized_tensors, tap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnxruntime
    from numpy.typing import NDArray

__all__ = ["Observed"]

_ERRORS_ONLY = 4


class Observed:
    """A graph that shows its activations.

    Example::

        observed = Observed(model, threads=1)
        for name, rows in observed.rows({"x": images}, count=8):
            ...  # float32 of shape (8, values)
    """

    def __init__(self, model: ir.Model, *, threads: int | None) -> None:
        self.names = quantized_tensors(model)
        self._inputs = [str(value.name) for value in model.graph.inputs]
        tapped = tap(model, self.names)
        inner = {str(value.name): value for node in model.graph for value in node.outputs}
        self._axes = {name: _batch_axis(inner[name]) for name in self.names if name in inner}
        self._session = _session(tapped, threads)

    def rows(self, feed: Mapping[str, NDArray[np.generic]], *, count: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Each activation's name, and its values as float32 of shape `(count, values)`: one row for each of `count`."""
        taken = {name: feed[name] for name in self._inputs}
        outputs = [name for name in self.names if name in self._axes]
        seen = dict(zip(outputs, self._session.run(outputs, taken), strict=True)) if outputs else {}
        for name in self.names:
            axis = self._axes.get(name, 0)
            yield name, _by_row(np.asarray(seen.pop(name, taken.get(name)), np.float32), axis=axis, count=count)


def _by_row(values: NDArray[np.float32], *, axis: int | None, count: int) -> NDArray[np.float32]:
    """`values` by sample; what has no axis of samples belongs to each of them."""
    if axis is None or values.shape[axis] % count:
        return np.broadcast_to(values.reshape(1, -1), (count, values.size))
    return np.moveaxis(values, axis, 0).reshape(count, -1)


def _batch_axis(value: ir.Value) -> int | None:
    """Axis of the samples: the one named for them, else the first of unknown size; None where all sizes are known."""
    if value.shape is None:
        return 0
    unknown = [axis for axis, size in enumerate(value.shape) if not isinstance(size, int)]
    named = [axis for axis in unknown if re.search(rf"\b{BATCH}\b", str(value.shape[axis]))]
    return next(iter(named + unknown), None)


def _session(model: ir.Model, threads: int | None) -> onnxruntime.InferenceSession:
    import onnxruntime  # noqa: PLC0415 - a training script imports the callback, and loads no runtime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads or 0
    with tempfile.TemporaryDirectory() as folder:
        # A file with its weights beside it, because a model in memory may not exceed 2 GiB.
        path = Path(folder) / "model.onnx"
        ir.save(model, path, external_data="model.data")
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
