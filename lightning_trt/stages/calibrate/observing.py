"""The graph run by onnxruntime on the CPU, with the tensors that will carry Q/DQ in sight.

Their values leave the runtime where they are counted by magnitude. Where extremes alone are asked for the graph reduces
them itself, and only two numbers a sample leave it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import torch

from lightning_trt.artifacts import BATCH
from lightning_trt.passes import quantized_tensors, reduce_extremes, tap
from lightning_trt.storage import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import onnxruntime
    from numpy.typing import NDArray

    from lightning_trt.passes import Reduced

__all__ = ["Extremes", "Observed", "Reduces", "extremes_of", "sample_axes"]

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
        self._inputs = _names_of_inputs(model)
        self._axes = sample_axes(model, self.names)
        self._session = _session(tap(model, self.names), threads)

    def rows(self, feed: Mapping[str, NDArray[np.generic]], *, count: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Each activation's name, and its values as float32 of shape `(count, values)`: one row for each of `count`."""
        taken = {name: feed[name] for name in self._inputs}
        outputs = [name for name in self.names if name in self._axes]
        seen = dict(zip(outputs, self._session.run(outputs, taken), strict=True)) if outputs else {}
        for name in self.names:
            axis = self._axes.get(name, 0)
            yield name, _by_row(np.asarray(seen.pop(name, taken.get(name)), np.float32), axis=axis, count=count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """Least and greatest value of each sample, float32 of shape `(samples,)`, and the number of values of one."""

    lows: NDArray[np.float32]
    highs: NDArray[np.float32]
    count: int


class Reduces:
    """A graph that tells the extremes of its activations.

    Example::

        reduces = Reduces(model, threads=1)
        extremes = reduces.extremes({"x": images}, count=8)  # None where a value is not finite: look at the rows
    """

    def __init__(self, model: ir.Model, *, threads: int | None) -> None:
        self._inputs = _names_of_inputs(model)
        names = quantized_tensors(model)
        self._axes = sample_axes(model, names)
        split = {name: axis for name, axis in self._axes.items() if axis is not None}
        reduced, self._reduced = reduce_extremes(model, split)
        self._shown = [name for name in names if name not in self._reduced]
        self._session = _session(tap(reduced, self._shown), threads)

    def extremes(self, feed: Mapping[str, NDArray[np.generic]], *, count: int) -> dict[str, Extremes] | None:
        """The extremes of each activation by name, for each of `count` samples; None where a value is not finite."""
        taken = {name: feed[name] for name in self._inputs}
        shown = [name for name in self._shown if name in self._axes]
        parts = [part for one in self._reduced.values() for part in (one.low, one.high, one.total) if part]
        seen = dict(zip([*shown, *parts], self._session.run([*shown, *parts], taken), strict=True))
        found = {name: _read(one, seen, count=count) for name, one in self._reduced.items()}
        for name in self._shown:
            values = np.asarray(seen.get(name, taken.get(name)), np.float32)
            found[name] = extremes_of(_by_row(values, axis=self._axes.get(name, 0), count=count))
        totals = [seen[one.total] for one in self._reduced.values() if one.total]
        ends = [end for one in found.values() for end in (one.lows, one.highs)]
        return found if all(np.isfinite(each).all() for each in (*totals, *ends)) else None


def extremes_of(rows: NDArray[np.float32]) -> Extremes:
    """The extremes of `rows`, of shape `(samples, values)`; NaN where one is.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.stages.calibrate.observing import extremes_of
        >>> extremes_of(np.array([[1.0, -2.0], [0.0, 3.0]], np.float32)).highs.tolist()
        [1.0, 3.0]
    """
    # Row by row, because torch finds both in one look at one row, and the look from memory is what costs.
    each = [torch.aminmax(row) for row in torch.from_numpy(np.ascontiguousarray(rows))]
    lows, highs = torch.stack([one.min for one in each]), torch.stack([one.max for one in each])
    return Extremes(lows=lows.numpy(), highs=highs.numpy(), count=rows.shape[1])


def _read(one: Reduced, seen: Mapping[str, NDArray[np.float32]], *, count: int) -> Extremes:
    """What the graph told of one tensor."""
    highs = seen[one.high]
    size = len(highs) * one.values
    lows = seen[one.low] if one.low else np.zeros_like(highs)
    return Extremes(
        lows=_by_row(lows, axis=0, count=count).min(axis=1),
        highs=_by_row(highs, axis=0, count=count).max(axis=1),
        count=size if len(lows) % count else size // count,
    )


def _names_of_inputs(model: ir.Model) -> list[str]:
    return [str(value.name) for value in model.graph.inputs]


def sample_axes(model: ir.Model, names: Iterable[str]) -> dict[str, int | None]:
    """Axis of the samples, of those of `names` that a node makes."""
    inner = {str(value.name): value for node in model.graph for value in node.outputs}
    return {name: _batch_axis(inner[name]) for name in names if name in inner}


def _by_row(values: NDArray[np.float32], *, axis: int | None, count: int) -> NDArray[np.float32]:
    """`values` by sample; what has no axis of samples belongs to each of them."""
    if axis is None or values.shape[axis] % count:
        # Copied, because torch takes no array that several rows share.
        return np.repeat(values.reshape(1, -1), count, axis=0)
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
    with temporary_folder() as folder:
        # A file with its weights beside it, because a model in memory may not exceed 2 GiB.
        path = folder / "model.onnx"
        ir.save(model, path, external_data="model.data")
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
