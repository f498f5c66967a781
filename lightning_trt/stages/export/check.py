"""The ONNX against the module, on real inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from lightning_trt.errors import ExportError, ExportMismatchError
from lightning_trt.storage import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lightning_trt.artifacts import Boundary

__all__ = ["check", "deviation"]

_ERRORS_ONLY = 4


def check(
    model: ir.Model,
    boundary: Boundary,
    *,
    calls: Sequence[tuple[tuple[Tensor, ...], tuple[Tensor, ...]]],
    tolerance: float,
) -> float:
    """Largest deviation of the ONNX's outputs from the module's, over `calls`: pairs of inputs and outputs.

    Raises:
        ExportMismatchError: A deviation above `tolerance`, or another number of outputs or shape.
        ExportError: onnxruntime cannot run the graph.
    """
    names = [value.name for value in model.graph.outputs]
    wanted = [spec.name for spec in boundary.outputs]
    if names != wanted:
        raise ExportMismatchError(f"the ONNX has the outputs {names}, the boundary {wanted}. Name them in one way.")
    worst = 0.0
    for (inputs, outputs), results in zip(calls, _run(model, boundary, [inputs for inputs, _ in calls]), strict=True):
        for name, result, output in zip(wanted, results, outputs, strict=True):
            worst = max(worst, _compared(name, result, output.cpu().numpy(), batch=len(inputs[0]), tolerance=tolerance))
    return worst


def deviation(result: NDArray[np.generic], reference: NDArray[np.generic]) -> float:
    """Largest difference, relative to the greatest finite magnitude in `reference`; infinite where NaNs differ.

    For integers and booleans the share of elements that differ.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.stages.export.check import deviation
        >>> deviation(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
        0.5
        >>> deviation(np.array([1, 2]), np.array([1, 4]))
        0.5
    """
    if not np.issubdtype(reference.dtype, np.inexact):
        return float(np.mean(result != reference)) if reference.size else 0.0
    one, other = result.astype(np.float64), reference.astype(np.float64)
    finite = np.isfinite(other)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        return float("inf")
    scale = float(np.abs(other[finite]).max(initial=0.0))
    difference = float(np.abs(one[finite] - other[finite]).max(initial=0.0))
    worst = difference / scale if scale > 0 else difference
    return worst if np.isfinite(worst) else float("inf")


def _compared(
    name: str, result: NDArray[np.generic], reference: NDArray[np.generic], *, batch: int, tolerance: float
) -> float:
    if result.shape != reference.shape:
        raise ExportMismatchError(
            f"output {name!r} has shape {result.shape} in ONNX and {reference.shape} in the module, for {batch} "
            "samples. A size is written into the graph: take sizes from tensors (x.shape[0]), not from constants."
        )
    # A half-precision module cannot agree more closely than its own type's rounding.
    rounding = float(np.finfo(reference.dtype).eps) if isinstance(reference.dtype, np.dtypes.Float16DType) else 0.0
    allowed = max(tolerance, 8 * rounding)
    worst = deviation(result, reference)
    # "not <=" rather than ">": a NaN must not pass.
    if not worst <= allowed:
        raise ExportMismatchError(
            f"output {name!r} of the ONNX differs from the module's by {worst:.2g} of its scale for {batch} samples; "
            f"at most {allowed:.2g} is allowed. Look for randomness, or buffers that change, in the module's forward."
        )
    return worst


def _run(model: ir.Model, boundary: Boundary, calls: Sequence[tuple[Tensor, ...]]) -> list[list[NDArray[np.generic]]]:
    import onnxruntime  # noqa: PLC0415 - a training script imports the callback, and loads no runtime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    taken = {value.name for value in model.graph.inputs}
    with temporary_folder() as folder:
        # A file with its weights beside it, because a model in memory may not exceed 2 GiB.
        path = folder / "model.onnx"
        ir.save(model.clone(), path, external_data="model.data")
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            feeds = [
                {
                    spec.name: tensor.cpu().numpy()
                    for spec, tensor in zip(boundary.inputs, inputs, strict=True)
                    if spec.name in taken
                }
                for inputs in calls
            ]
            return [session.run(None, feed) for feed in feeds]
        except Exception as error:  # onnxruntime's own errors share no base class
            raise ExportError(f"onnxruntime cannot run the exported graph: {error}") from error
