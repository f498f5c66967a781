"""The boundary of an engine of which nothing is known but its tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.artifacts import Boundary, Structure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.artifacts import TensorSpec

__all__ = ["boundary_of"]


def boundary_of(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> Boundary:
    """A boundary that takes its inputs as positional arguments, and gives one tensor, or a tuple of several.

    Example:
        >>> from lightning_trt.artifacts import TensorSpec
        >>> from lightning_trt.backends.positions import boundary_of
        >>> x, y = (TensorSpec(name=name, dtype="float32", shape=("batch", 3)) for name in "xy")
        >>> boundary_of([x], [y]).output_structure.kind
        'tensor'
    """
    args, results = _positions(inputs), _positions(outputs)
    return Boundary(
        name="",
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        input_structure=Structure(kind="tuple", items=(args, Structure(kind="dict"))),
        output_structure=results.items[0] if len(outputs) == 1 else results,
    )


def _positions(specs: Sequence[TensorSpec]) -> Structure:
    return Structure(kind="tuple", items=tuple(Structure(kind="tensor", index=index) for index in range(len(specs))))
