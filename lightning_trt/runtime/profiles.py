"""The shapes that an engine was built for: which of its optimization profiles takes a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning_trt.artifacts import BATCH
from lightning_trt.errors import InputMismatchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_trt.artifacts import Boundary

__all__ = ["Profiles"]

Shape = tuple[int, ...]
Bounds = tuple[Shape, Shape, Shape]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """For each profile, in the engine's order: least, typical and largest shape of each input."""

    bounds: tuple[Mapping[str, Bounds], ...]
    axes: Mapping[str, Mapping[int, str]]

    @classmethod
    def of(cls, plan: Any, names: tuple[str, ...], *, boundary: Boundary) -> Profiles:
        """The profiles of an open engine with these inputs."""
        bounds = tuple(
            {name: _bounds(plan, name, index) for name in names}
            for index in range(max(plan.num_optimization_profiles, 1))
        )
        return cls(bounds=bounds, axes={spec.name: spec.dynamic_axes for spec in boundary.inputs})

    @property
    def largest_batch(self) -> int | None:
        """Most samples of one call; None where no input has a batch axis."""
        sizes = [
            bounds[name][2][0] for bounds in self.bounds for name in bounds if self.axes.get(name, {}).get(0) == BATCH
        ]
        return max(sizes, default=None)

    def typical_shapes(self) -> tuple[dict[str, Any], ...]:
        """What each profile is tuned for."""
        return tuple({name: typical for name, (_, typical, _) in bounds.items()} for bounds in self.bounds)

    def typical_sizes(self) -> dict[str, int]:
        """What the last profile, that of the large batches, is tuned for: each dynamic axis but the batch, by name."""
        typical = {name: shape for name, (_, shape, _) in self.bounds[-1].items()}
        return {
            axis: typical[name][at] for name in typical for at, axis in self.axes.get(name, {}).items() if axis != BATCH
        }

    def index_for(self, shapes: Mapping[str, Any]) -> int:
        """The first profile that takes inputs of these shapes.

        Raises:
            InputMismatchError: None does; the sentence names the axis.
        """
        for index, bounds in enumerate(self.bounds):
            if all(_is_within(tuple(shapes[name]), bounds[name]) for name in bounds):
                return index
        raise InputMismatchError(self._why_none(shapes))

    def _why_none(self, shapes: Mapping[str, Any]) -> str:
        for name, shape in shapes.items():
            for axis, size in enumerate(shape):
                least = min(bounds[name][0][axis] for bounds in self.bounds)
                largest = max(bounds[name][2][axis] for bounds in self.bounds)
                if not least <= size <= largest:
                    spoken = self.axes.get(name, {}).get(axis, str(axis))
                    return (
                        f"axis {spoken!r} of input {name!r} is {size}; the engine was built for {least} to {largest}. "
                        f"Pad or cut the input, or export again with build.tensorrt.axis_sizes={{{spoken!r}: [...]}}."
                    )
        return (
            f"no profile of the engine takes inputs of shapes {[tuple(shape) for shape in shapes.values()]} together. "
            "Export again with build.tensorrt.axis_sizes that cover them."
        )


def _bounds(plan: Any, name: str, index: int) -> Bounds:
    fixed = tuple(plan.get_tensor_shape(name))
    is_fixed = all(size >= 0 for size in fixed)
    shapes = (fixed, fixed, fixed) if is_fixed else plan.get_tensor_profile_shape(name, index)
    least, typical, largest = (tuple(int(size) for size in shape) for shape in shapes)
    return least, typical, largest


def _is_within(shape: Shape, bounds: Bounds) -> bool:
    least, _, largest = bounds
    return len(shape) == len(least) and all(
        low <= size <= high for low, size, high in zip(least, shape, largest, strict=True)
    )
