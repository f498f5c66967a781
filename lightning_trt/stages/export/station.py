"""The station's story: capture, convert, clean, check."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from lightning_trt.artifacts import OnnxGraph
from lightning_trt.errors import ExportError
from lightning_trt.passes import clean, opset_of
from lightning_trt.runtime.batch import batch_of, sized
from lightning_trt.stages.export.check import check
from lightning_trt.stages.export.exporters import Exported, through_dynamo, through_torchscript
from lightning_trt.stages.export.failures import DecidesOnDataError
from lightning_trt.stages.export.flat import FlatCall

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lightning_trt.artifacts import Boundary
    from lightning_trt.storage import Cache

__all__ = ["export"]

_RECALLED = "export: converted by an earlier run from the same program"

Call = tuple[tuple["Tensor", ...], tuple["Tensor", ...]]
Exporter = Callable[[FlatCall, tuple["Tensor", ...], "Boundary"], Exported]


def export(
    module: nn.Module,
    boundary: Boundary,
    *,
    inputs: tuple[Tensor, ...],
    tolerance: float = 1e-4,
    cache: Cache | None = None,
) -> OnnxGraph:
    """The ONNX of `module`, in evaluation mode, checked against it at two batch sizes.

    torch's dynamo exporter writes it; where that fails, or gives other numbers, the TorchScript exporter, and then
    `notes` say why. Names of inputs and outputs are the boundary's. `module` is left as it is.

    Args:
        module: What stands at the boundary.
        boundary: How it is called.
        inputs: Real inputs of one call, flat, in the boundary's order; the first axis is the batch.
        tolerance: Largest difference of an output, relative to its greatest magnitude.
        cache: Where conversions of earlier runs are; that of the same program is taken, and checked like a new one.

    Raises:
        UnsupportedOperatorError: An operator has no ONNX form.
        ExportMismatchError: The ONNX computes something else.
        ExportError: The module cannot be exported.
    """
    call = FlatCall(deepcopy(module).eval(), boundary)
    place = next(call.parameters(), inputs[0] if inputs else torch.empty(0)).device
    given = tuple(tensor.detach().to(place) for tensor in inputs)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        calls = _references(call, boundary, given)
        # torch writes sizes of 0 and 1 into the graph as constants: it must see at least two samples.
        batch = batch_of(boundary, given)
        sample = given if batch is None else sized(boundary, given, max(batch, 2))
        return _first_good(call, boundary, sample=sample, calls=calls, tolerance=tolerance, cache=cache)


def _first_good(
    call: FlatCall,
    boundary: Boundary,
    *,
    sample: tuple[Tensor, ...],
    calls: list[Call],
    tolerance: float,
    cache: Cache | None,
) -> OnnxGraph:
    """The graph of the first exporter whose graph agrees with the module."""
    through = partial(_agreed, call, boundary, sample=sample, calls=calls, tolerance=tolerance)
    try:
        return through(partial(through_dynamo, cache=cache))
    except DecidesOnDataError:
        raise  # a trace would hold one of the branches, and agree as long as the data takes it
    except ExportError as error:
        first = error
    try:
        traced = through(through_torchscript)
    except ExportError as second:
        raise type(first)(f"{first} The TorchScript exporter failed too: {_fact(second)}.") from first
    return replace(traced, notes=(*traced.notes, f"export: through TorchScript, because {_fact(first)}"))


def _agreed(
    call: FlatCall,
    boundary: Boundary,
    exporter: Exporter,
    *,
    sample: tuple[Tensor, ...],
    calls: list[Call],
    tolerance: float,
) -> OnnxGraph:
    """The graph that an exporter makes, which agrees with the module."""
    exported = exporter(call, sample, boundary)
    model = clean(exported.model)
    worst = check(model, boundary, calls=calls, tolerance=tolerance)
    sizes = " and ".join(str(len(inputs[0])) for inputs, _ in calls if inputs)
    note = f"export: opset {opset_of(model)}, within {worst:.1e} of the module at batch sizes {sizes}"
    seen = {
        name: tensor.shape[axis]
        for spec, tensor in zip(boundary.inputs, sample, strict=True)
        for axis, name in spec.dynamic_axes.items()
    }
    notes = (note, _RECALLED) if exported.is_recalled else (note,)
    return OnnxGraph(model=model, boundary=boundary, program=exported.program, sizes=seen, notes=notes)


def _fact(error: ExportError) -> str:
    """The error's first sentence: what happened, without the advice."""
    return str(error).partition(". ")[0]


def _references(call: FlatCall, boundary: Boundary, inputs: tuple[Tensor, ...]) -> list[Call]:
    """The module's own outputs at the given batch size and at another that it takes: 1, else twice the given."""
    batch = batch_of(boundary, inputs)
    first = _answered(call, inputs, batch)
    if batch is None:
        return [first]
    doubled = sized(boundary, inputs, 2 * batch)
    if batch == 1:
        return [first, _answered(call, doubled, 2)]
    try:
        return [first, _answered(call, sized(boundary, inputs, 1), 1)]
    except ExportError:
        return [first, _answered(call, doubled, 2 * batch)]


def _answered(call: FlatCall, inputs: tuple[Tensor, ...], batch: int | None) -> Call:
    """Inputs and the module's outputs; the module gets copies, because it may write into what it is given."""
    try:
        outputs = call(*(tensor.clone() for tensor in inputs))
    except Exception as error:  # the user's code may raise anything
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs)
        raise ExportError(
            f"the module itself fails on a batch of {batch} (shapes {shapes}): {type(error).__name__}: {error}. "
            "It must take any batch size; look at what the boundary is called with."
        ) from error
    return inputs, outputs
