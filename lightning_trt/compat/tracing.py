"""The module run a few times, so that its boundary is known: names, types, and which axes vary with which."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from lightning_trt.artifacts import Boundary
from lightning_trt.errors import DataError, SettingsError, UnsupportedPrecisionError
from lightning_trt.notices import notice
from lightning_trt.runtime.structure import flatten, unflatten
from lightning_trt.stages.probe.specs import specs_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lightning_trt.artifacts import Structure
    from lightning_trt.compat.calls import Call
    from lightning_trt.compat.profiles import Profile

    Tensors = tuple[Tensor, ...]

__all__ = ["Traced", "traced"]

_BINDINGS = frozenset({torch.float32, torch.float16, torch.int8, torch.uint8, torch.int32, torch.int64, torch.bool})


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A module as it is exported, and its boundary twice.

    `module` is a copy in evaluation mode, it and `inputs` in fp32 on the CPU. In `flexible` every axis is free that may
    be, the batch among them if the module takes other batches: so it is exported and calibrated. `asked` is what the
    engine shall have: free axes where the profile has some, and the data types of the module as it was given.
    """

    module: nn.Module
    inputs: tuple[Tensor, ...]
    flexible: Boundary
    asked: Boundary

    @property
    def rigid(self) -> Boundary:
        """`flexible` with those axes free alone that are free in `asked`."""
        inputs, outputs = (
            tuple(replace(one, shape=other.shape) for one, other in zip(free, asked, strict=True))
            for free, asked in (
                (self.flexible.inputs, self.asked.inputs),
                (self.flexible.outputs, self.asked.outputs),
            )
        )
        return replace(self.flexible, inputs=inputs, outputs=outputs)


def traced(
    module: nn.Module,
    call: Call,
    profile: Profile,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
) -> Traced:
    """The module and its boundary, after it ran on the inputs, on another batch, and on other sizes of what varies.

    Raises:
        DataError: The inputs lie on another device than the module, or the module fails on them.
        SettingsError: Names that do not fit the tensors.
        UnsupportedPrecisionError: A data type that no engine takes.
    """
    if module.training:
        notice("the module is in training mode; it is exported in evaluation mode. Call .eval() on it before.")
    _check_devices(module, call)
    copy = deepcopy(module).eval()
    structure, as_given = _outputs(copy, call.structure, call.tensors)
    _check_types((*call.tensors, *as_given))
    inputs = tuple((tensor.float() if tensor.is_floating_point() else tensor).cpu() for tensor in call.tensors)
    # What a half module computes is what fp16 is asked for; ranges and export are those of its weights in fp32. On the
    # CPU, because a GPU's convolutions compute in TF32, which the check of the export would take for a wrong graph.
    runs = [(*inputs, *_outputs(copy.float().cpu(), call.structure, inputs)[1])]
    runs += [_other_run(copy, call.structure, _resized(inputs, sizes)) for sizes in _other_sizes(call, profile)]
    names = _names(input_names, len(inputs), "input"), _names(output_names, len(as_given), "output")
    asked = _boundary(names, runs, call.structure, structure)
    flexible = _boundary(names, [*runs, *_other_batch(copy, call, inputs, profile)], call.structure, structure)
    return Traced(
        module=copy,
        inputs=inputs,
        flexible=flexible,
        asked=_typed(flexible if profile.has_dynamic_batch else asked, call.tensors, as_given),
    )


def _check_devices(module: nn.Module, call: Call) -> None:
    homes = {str(tensor.device) for tensor in (*module.parameters(), *module.buffers())}
    for index, tensor in enumerate(call.tensors):
        if homes and str(tensor.device) not in homes:
            home = min(homes)
            raise DataError(
                f"the module lies on {home}, tensor {index} of the inputs on {tensor.device}. Put both on one device, "
                f"e.g. with .to({home!r})."
            )


def _check_types(tensors: Tensors) -> None:
    for tensor in tensors:
        if tensor.dtype not in _BINDINGS:
            known = ", ".join(sorted(str(each).removeprefix("torch.") for each in _BINDINGS))
            raise UnsupportedPrecisionError(
                f"an input or output of the module is {str(tensor.dtype).removeprefix('torch.')}; bindings can be "
                f"{known}. Convert the module with .float() or .half()."
            )


def _outputs(module: nn.Module, structure: Structure, tensors: Tensors) -> tuple[Structure, Tensors]:
    """How the module's results nest, and their tensors.

    Raises:
        DataError: The module fails.
    """
    # The module gets copies, because it may write into what it is given.
    copies = [tensor.detach().clone() for tensor in tensors]
    args, kwargs = cast("tuple[tuple[Any, ...], dict[str, Any]]", unflatten(structure, copies))
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            results = module(*args, **kwargs)
    except Exception as error:  # the user's code may raise anything
        shapes = ", ".join(f"{str(each.dtype).removeprefix('torch.')} {tuple(each.shape)}" for each in tensors)
        raise DataError(
            f"the module itself fails on inputs of {shapes}: {type(error).__name__}: {error}. Give inputs as the "
            "module takes them, in its data type, and sizes of min_shapes and max_shapes that it can take."
        ) from error
    return flatten(results, is_leaf=torch.is_tensor)


def _other_sizes(call: Call, profile: Profile) -> Iterator[dict[tuple[int, int], int]]:
    """For each axis that varies by itself, places (input and axis) and a size that they do not have now.

    Equal axes of several inputs (of ids and their mask) vary as one; two axes of one input do not.
    """
    groups: dict[tuple[int, tuple[int, int, int]], list[tuple[int, int]]] = {}
    for (index, axis), sizes in profile.varying.items():
        if axis or not profile.is_batched(index):
            groups.setdefault((axis, sizes), []).append((index, axis))
    for (_, sizes), places in groups.items():
        yield {place: next(size for size in sizes if size != call.shapes[place[0]][place[1]]) for place in places}


def _resized(tensors: Tensors, sizes: Mapping[tuple[int, int], int]) -> Tensors:
    """The tensors with other sizes of some axes: cut, or repeated from the start."""
    resized = list(tensors)
    for (index, axis), size in sizes.items():
        tensor = resized[index]
        rows = torch.arange(size, device=tensor.device) % tensor.shape[axis]
        resized[index] = tensor.index_select(axis, rows)
    return tuple(resized)


def _other_run(module: nn.Module, structure: Structure, tensors: Tensors) -> Tensors:
    return (*tensors, *_outputs(module, structure, tensors)[1])


def _other_batch(module: nn.Module, call: Call, inputs: Tensors, profile: Profile) -> list[Tensors]:
    """A run with another number of samples; none where the module takes no other, and none was asked for."""
    rows = call.shapes[0][0] if call.shapes[0] else 0
    batched = [index for index in range(len(inputs)) if call.shapes[index][:1] == (rows,)]
    if not rows:
        return []
    other = _resized(inputs, {(index, 0): 2 if rows == 1 else 1 for index in batched})
    try:
        return [_other_run(module, call.structure, other)]
    except DataError:
        if profile.has_dynamic_batch:
            raise
        return []


def _names(given: Sequence[str] | None, count: int, side: str) -> tuple[str, ...]:
    names = tuple(f"{side}_{index}" for index in range(count)) if given is None else tuple(given)
    if len(names) != count or len(set(names)) != count:
        raise SettingsError(
            f"{side}_names is {list(names)}, and there are {count} {side}s. Give each one a name of its own, in order."
        )
    return names


def _boundary(
    names: tuple[tuple[str, ...], tuple[str, ...]], runs: Sequence[Tensors], takes: Structure, gives: Structure
) -> Boundary:
    """The boundary in which those axes are free that differ between the runs."""
    if shared := set(names[0]) & set(names[1]):
        raise SettingsError(f"{min(shared)!r} is in input_names and in output_names. Give each its own name.")
    # Nothing counts as the batch because of its size: it varies, or it is fixed.
    specs = specs_of((*names[0], *names[1]), runs, num_items=[0] * len(runs))
    num_inputs = len(names[0])
    return Boundary(
        name="",
        inputs=specs[:num_inputs],
        outputs=specs[num_inputs:],
        input_structure=takes,
        output_structure=gives,
    )


def _typed(boundary: Boundary, inputs: Tensors, outputs: Tensors) -> Boundary:
    """The boundary in the data types of these tensors."""
    sides = [
        tuple(
            replace(spec, dtype=str(tensor.dtype).removeprefix("torch."))
            for spec, tensor in zip(specs, tensors, strict=True)
        )
        for specs, tensors in ((boundary.inputs, inputs), (boundary.outputs, outputs))
    ]
    return replace(boundary, inputs=sides[0], outputs=sides[1])
