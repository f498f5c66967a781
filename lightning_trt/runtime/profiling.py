"""Where an engine's time goes, on inputs that are made up. Opens without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from lightning_trt.artifacts import BATCH
from lightning_trt.errors import InputMismatchError
from lightning_trt.runtime.opening import opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lightning_trt.artifacts import Boundary, Engine, TensorSpec
    from lightning_trt.runtime.layer_times import LayerTime

__all__ = ["invented_inputs", "profiled"]


def profiled(engine: Engine, *, sizes: Mapping[str, int], num_runs: int) -> Sequence[LayerTime]:
    """Mean time of each layer over so many runs, the slowest first, of an engine whose files were already checked.

    Floats are random, whole numbers zero: indices of any table. `sizes` are those of the dynamic axes by name; without
    one the batch is 1, and another axis as large as the engine was tuned for.

    Raises:
        InputMismatchError: The size of an axis is known from nowhere, or the engine was not built for it.
        BackendNotAvailableError: The engine cannot run here; the sentence says what is missing.
        ForeignEngineError: It was built for another GPU or version.
    """
    with opened(engine) as session:
        known = {BATCH: 1, **session.typical_sizes(), **sizes}
        return session.layer_times(invented_inputs(engine.boundary, known), num_runs=num_runs)


def invented_inputs(boundary: Boundary, sizes: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    """Inputs by name, of these sizes of the dynamic axes: random floats, whole numbers and booleans of zeros.

    Raises:
        InputMismatchError: An axis has no size.
    """
    generator = np.random.default_rng(0)
    return {spec.name: _invented(spec, sizes, generator) for spec in boundary.inputs}


def _invented(spec: TensorSpec, sizes: Mapping[str, int], generator: np.random.Generator) -> NDArray[Any]:
    for axis in spec.dynamic_axes.values():
        if axis not in sizes:
            raise InputMismatchError(
                f"no size is known for the axis {axis!r} of input {spec.name!r}. Give one: --axis {axis}=64."
            )
    shape = [sizes[axis] if isinstance(axis, str) else axis for axis in spec.shape]
    dtype = np.dtype(getattr(ml_dtypes, spec.dtype, spec.dtype))
    if "float" not in spec.dtype:
        return np.zeros(shape, dtype)
    made: NDArray[Any] = generator.standard_normal(shape, np.float32).astype(dtype)
    return made
