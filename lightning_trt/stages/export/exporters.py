"""torch's two exporters, each as one quiet call that fails with our errors."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir
import torch
from torch.export import Dim, ExportedProgram

from lightning_trt.stages.export.failures import failure
from lightning_trt.stages.export.flat import dynamic_axes
from lightning_trt.stages.export.quiet import quiet

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_trt.artifacts import Boundary
    from lightning_trt.stages.export.flat import FlatCall

__all__ = ["through_dynamo", "through_torchscript"]

# Opset 18 serves every backend: it converts down to 17 (TensorRT 8.6) and up to what typed graphs need; later ones hold
# operators (Gelu, Attention) that some TensorRT cannot take and that do not convert down.
_DYNAMO_OPSET = 18
_TORCHSCRIPT_OPSET = 17


def through_dynamo(
    call: FlatCall, sample: tuple[Tensor, ...], boundary: Boundary
) -> tuple[ir.Model, ExportedProgram | None]:
    """The ONNX and the torch program behind it, whose node names are the ONNX tensor names.

    Raises:
        ExportError: torch could not capture or convert the module.
    """
    dims = {name: Dim(name, min=1) for axes in dynamic_axes(boundary) for name in axes.values()}
    shapes = tuple({axis: dims[name] for axis, name in axes.items()} for axes in dynamic_axes(boundary))
    program: ExportedProgram | None = None
    try:
        with quiet():
            program = torch.export.export(call, sample, dynamic_shapes=shapes, strict=False)
            converted = torch.onnx.export(
                program,
                dynamo=True,
                dynamic_shapes=shapes,  # torch reads the names of the axes from it
                opset_version=_DYNAMO_OPSET,
                input_names=[spec.name for spec in boundary.inputs],
                output_names=[spec.name for spec in boundary.outputs],
                optimize=True,
                verbose=False,
            )
    except Exception as error:  # torch's exporters raise whatever the module and torch raise
        raise failure(error, program, "torch.onnx.export(dynamo=True)") from error
    if converted is None:
        raise RuntimeError("torch.onnx.export(dynamo=True) gave nothing.")
    decomposed = converted.exported_program
    return converted.model, decomposed if isinstance(decomposed, ExportedProgram) else None


def through_torchscript(
    call: FlatCall, sample: tuple[Tensor, ...], boundary: Boundary
) -> tuple[ir.Model, ExportedProgram | None]:
    """The traced ONNX, and no program.

    Raises:
        ExportError: torch could not trace or convert the module.
    """
    axes = {spec.name: spec.dynamic_axes for spec in (*boundary.inputs, *boundary.outputs)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            with quiet():
                torch.onnx.export(
                    call,
                    sample,
                    str(path),
                    dynamo=False,
                    dynamic_axes=axes,
                    opset_version=_TORCHSCRIPT_OPSET,
                    input_names=[spec.name for spec in boundary.inputs],
                    output_names=[spec.name for spec in boundary.outputs],
                    verbose=False,
                )
        except Exception as error:  # torch's exporters raise whatever the module and torch raise
            raise failure(error, None, "torch.onnx.export(dynamo=False)") from error
        # What lies beside the file, as weights above 2 GiB do, is read before the folder goes.
        return ir.external_data.load_to_model(ir.load(path)), None
