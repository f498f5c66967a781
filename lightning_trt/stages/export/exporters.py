"""torch's two exporters, each as one quiet call that fails with our errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import onnx_ir as ir
import torch
from torch.export import Dim, ExportedProgram

from lightning_trt.stages.export.failures import failure
from lightning_trt.stages.export.flat import dynamic_axes
from lightning_trt.stages.export.memory import digest_of, remembered
from lightning_trt.stages.export.quiet import quiet
from lightning_trt.storage import temporary_folder

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_trt.artifacts import Boundary
    from lightning_trt.stages.export.flat import FlatCall
    from lightning_trt.storage import Cache

    Shapes = tuple[dict[int, Dim], ...]

__all__ = ["Exported", "through_dynamo", "through_torchscript"]

# Opset 18 serves every backend: it converts down to 17 (TensorRT 8.6) and up to what typed graphs need; later ones hold
# operators (Gelu, Attention) that some TensorRT cannot take and that do not convert down.
_DYNAMO = "torch.onnx.export(dynamo=True)"
_DYNAMO_OPSET = 18
_TORCHSCRIPT_OPSET = 17


class Exported(NamedTuple):
    """An ONNX, the torch program behind it where there is one, and whether an earlier run converted it."""

    model: ir.Model
    program: ExportedProgram | None = None
    is_recalled: bool = False


def through_dynamo(
    call: FlatCall, sample: tuple[Tensor, ...], boundary: Boundary, *, cache: Cache | None = None
) -> Exported:
    """The ONNX and the torch program behind it, whose node names are the ONNX tensor names.

    Raises:
        ExportError: torch could not capture or convert the module.
    """
    program, shapes = _captured(call, sample, boundary)
    converted: list[ExportedProgram | None] = []

    def convert() -> ir.Model:
        model, decomposed = _converted(program, shapes, boundary)
        converted.append(decomposed)
        return model

    key = None if cache is None else digest_of(program, boundary, opset=_DYNAMO_OPSET)
    if cache is None or key is None:
        return Exported(convert(), program=converted[0])
    model, is_recalled = remembered(cache, key, convert)
    if not is_recalled:
        return Exported(model, program=converted[0])
    # On a processor nobody walks the program.
    is_walked = any(tensor.device.type != "cpu" for tensor in sample)
    return Exported(model, program=_decomposed(program) if is_walked else None, is_recalled=True)


def _captured(call: FlatCall, sample: tuple[Tensor, ...], boundary: Boundary) -> tuple[ExportedProgram, Shapes]:
    """The torch program of the call, and the names of the axes that may change, as torch wants them."""
    dims = {name: Dim(name, min=1) for axes in dynamic_axes(boundary) for name in axes.values()}
    shapes = tuple({axis: dims[name] for axis, name in axes.items()} for axes in dynamic_axes(boundary))
    try:
        with quiet():
            return torch.export.export(call, sample, dynamic_shapes=shapes, strict=False), shapes
    except Exception as error:  # torch's exporters raise whatever the module and torch raise
        raise failure(error, None, _DYNAMO) from error


def _converted(program: ExportedProgram, shapes: Shapes, boundary: Boundary) -> tuple[ir.Model, ExportedProgram | None]:
    """The ONNX of the program, and the program as it was decomposed for it."""
    try:
        with quiet():
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
        raise failure(error, program, _DYNAMO) from error
    if converted is None:
        raise RuntimeError("torch.onnx.export(dynamo=True) gave nothing.")
    decomposed = converted.exported_program
    return converted.model, decomposed if isinstance(decomposed, ExportedProgram) else None


def _decomposed(program: ExportedProgram) -> ExportedProgram | None:
    """The program as torch decomposes it before it converts it; None where this torch hides how it does that."""
    try:
        # Private names; the public way converts as well, which takes several times as long.
        from torch.onnx._internal.exporter import _core, _registration  # noqa: PLC0415 - as said

        registry = _registration.ONNXRegistry.from_torchlib()
        with quiet():
            return _core._prepare_exported_program_for_export(program, registry=registry)  # noqa: SLF001 - as said
    except (ImportError, AttributeError, TypeError):
        return None


def through_torchscript(call: FlatCall, sample: tuple[Tensor, ...], boundary: Boundary) -> Exported:
    """The traced ONNX, and no program.

    Raises:
        ExportError: torch could not trace or convert the module.
    """
    axes = {spec.name: spec.dynamic_axes for spec in (*boundary.inputs, *boundary.outputs)}
    with temporary_folder() as folder:
        path = folder / "model.onnx"
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
        return Exported(ir.external_data.load_to_model(ir.load(path)))
