"""What is exported: the boundary and its ONNX graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import onnx_ir
    from numpy.typing import NDArray
    from torch.export import ExportedProgram

    from lightning_trt.artifacts.calibration import Ranges

__all__ = ["BATCH", "Boundary", "OnnxGraph", "Structure", "TensorSpec"]

BATCH = "batch"
"""Name of the batch axis wherever a shape is written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """A tensor at the boundary: its name, numpy-style data type, and shape with names for dynamic axes.

    Example:
        >>> from lightning_trt.artifacts import TensorSpec
        >>> TensorSpec(name="x", dtype="float32", shape=("batch", 3, 224, 224)).dynamic_axes
        {0: 'batch'}
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    @property
    def dynamic_axes(self) -> dict[int, str]:
        """Axis -> name, for each axis whose size may change from call to call."""
        return {axis: size for axis, size in enumerate(self.shape) if isinstance(size, str)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """How tensors nest in a call's arguments or results, in a form that JSON can hold.

    `kind` is one of `tensor` (with `index` into the flat tuple of tensors), `constant` (with `value`, a JSON
    scalar), `tuple`, `list`, `dict` (with `keys`), `namedtuple` and `dataclass` (with `keys` and `type`, its import
    path, `module:name`).
    """

    kind: str
    index: int | None = None
    value: bool | int | float | str | None = None
    keys: tuple[str | int, ...] = ()
    items: tuple[Structure, ...] = ()
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """The part of the module that becomes an engine, as `probe` saw it called.

    `name` is its dotted path in the LightningModule, `""` the LightningModule's own `forward`. `inputs` and `outputs`
    are flat, in the order of the indices in the structures; `input_structure` is that of `(args, kwargs)`.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    input_structure: Structure
    output_structure: Structure

    @property
    def folder(self) -> str:
        """Name of its folder where there are several boundaries."""
        return self.name or "self"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxGraph:
    """The ONNX of a boundary.

    `program` is the torch program behind it while the process that exported it lives: its node names are the
    graph's tensor names (None after the TorchScript exporter). `octaves` says by how many octaves the channels of a
    tensor are larger in the graph than in the program, by name, where they were rescaled; of the tensor's rank. `sizes`
    are those of the dynamic axes in the call that was exported, by name. `ranges` are what a builder shall quantize by,
    where the graph carries no Q/DQ. `notes` say what a reader of the report should know.
    """

    model: onnx_ir.Model
    boundary: Boundary
    program: ExportedProgram | None = None
    octaves: Mapping[str, NDArray[np.int64]] = field(default_factory=lambda: MappingProxyType({}))
    sizes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    ranges: Ranges | None = None
    notes: tuple[str, ...] = ()
