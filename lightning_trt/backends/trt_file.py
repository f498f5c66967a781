"""What a plan of TensorRT says of itself, where no manifest says more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_trt.artifacts import BATCH, TensorSpec
from lightning_trt.backends.positions import boundary_of

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Boundary
    from lightning_trt.runtime._trt import Package

__all__ = ["described"]


def described(trt: Package, path: Path) -> Boundary:
    """Boundary of the plan at `path`, with its inputs as positional arguments in the plan's order.

    A plan is a program: only one that you made yourself may be opened without its manifest.

    Raises:
        EngineError: This TensorRT cannot open it.
    """
    log = trt.log()
    runtime = trt.api.Runtime(log.sink)
    plan = trt.deserialized(runtime, path, log=log)
    names = [plan.get_tensor_name(index) for index in range(plan.num_io_tensors)]
    specs = {name: _spec(trt, plan, name) for name in names}
    is_input = {name: plan.get_tensor_mode(name) == trt.api.TensorIOMode.INPUT for name in names}
    return boundary_of(
        [specs[name] for name in names if is_input[name]], [specs[name] for name in names if not is_input[name]]
    )


def _spec(trt: Package, plan: Any, name: str) -> TensorSpec:
    def spoken(axis: int, size: int) -> int | str:
        # A plan has no names of axes: the first is the batch, each other has a name that no other axis has.
        return size if size >= 0 else BATCH if axis == 0 else f"{name}_{axis}"

    shape = tuple(spoken(axis, int(size)) for axis, size in enumerate(plan.get_tensor_shape(name)))
    return TensorSpec(name=name, dtype=trt.dtype(plan.get_tensor_dtype(name)), shape=shape)
