"""The station's story: find the boundary, watch it, describe it."""

from __future__ import annotations

import warnings
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning_trt.artifacts import Boundary
from lightning_trt.errors import (
    AmbiguousBoundaryError,
    BoundaryError,
    BoundaryNotFoundError,
    NotATensorFunctionError,
    nearest,
)
from lightning_trt.replay import copy_of, first_batches, resized, stepped, watch
from lightning_trt.stages.probe.discovery import CallTree
from lightning_trt.stages.probe.outside import outside_weights
from lightning_trt.stages.probe.specs import input_names, output_names, specs_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from lightning_trt.replay import Call, Step, Subject

    Batch = tuple[Any, Step]
    Counted = tuple[Call, int]

__all__ = ["Probed", "probe"]

_BATCHES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """A boundary, and the flat inputs of one real call. `notes` say what a reader of the report should know."""

    boundary: Boundary
    inputs: tuple[Tensor, ...]
    notes: tuple[str, ...] = ()


def probe(subject: Subject, *, names: Sequence[str] = ()) -> Mapping[str, Probed]:
    """The boundaries of the subject's validation step, by name.

    Without `names`, the one module with weights that `validation_step` calls with tensors and gets tensors from: the
    largest such, and of wrappers the innermost. Two validation batches and one resized are run on copies.

    Raises:
        AmbiguousBoundaryError: Several were called and none is named.
        BoundaryNotFoundError: None was called, or not the one that is named.
        NotATensorFunctionError: The one that is named takes or gives something else than tensors.
    """
    with warnings.catch_warnings():
        # What metrics say of two batches says nothing of the validation set.
        warnings.simplefilter("ignore")
        batches = _batches(subject)
        chosen = _named(subject, names) if names else (_found(subject, batches),)
        calls = _watched(subject, chosen, batches)
        notes = outside_weights(subject, chosen)
    return {name: _described(subject, name, calls[name], notes=notes) for name in chosen}


def _batches(subject: Subject) -> list[Batch]:
    """The first batches of each loader, and the very first with another number of items, if the step takes that."""
    module = copy_of(subject.module)
    batches = first_batches(subject, module, per_loader=_BATCHES)
    other = resized(*batches[0])
    try:
        deque(stepped(subject, module, [other]), maxlen=0)
    except Exception:  # noqa: BLE001 - the user's step may need whole batches, and raise anything
        return batches
    return [*batches, other]


def _found(subject: Subject, batches: Sequence[Batch]) -> str:
    """The one boundary that the step calls."""
    module = copy_of(subject.module)
    tree = CallTree(module)
    deque(stepped(subject, module, batches), maxlen=0)
    found = tree.boundaries()
    if len(found) > 1:
        raise AmbiguousBoundaryError(
            f"{subject.step_name} calls {len(found)} modules with weights: "
            f"{', '.join(name or 'forward' for name in found)}. Say which to export, e.g. boundary={found[0]!r}, or "
            f"several: boundary={tuple(found)!r}."
        )
    if not found:
        raise BoundaryNotFoundError(_nothing_found(subject, tree.seen()))
    return found[0]


def _nothing_found(subject: Subject, seen: Sequence[str]) -> str:
    kind = type(subject.module).__name__
    own = [name for name, _ in subject.module.named_parameters(recurse=False)]
    if not seen and own:
        return (
            f"{subject.step_name} calls no submodule and no forward; {kind} has parameters of its own "
            f"({', '.join(own)}). An engine is made of a module that is called: compute with them in forward and call "
            "self(x), or move them into a submodule."
        )
    if not seen:
        return (
            f"{subject.step_name} called no submodule of the copy that it ran on. Call them through self "
            '(`self.net(x)`), not through a function or object that holds the original, or pass boundary="...".'
        )
    return (
        f"{subject.step_name} called {', '.join(seen)}, and none of them is a function of tensors with weights. "
        'Move the network into a submodule that takes and gives tensors, and pass its name: boundary="...".'
    )


def _named(subject: Subject, names: Sequence[str]) -> tuple[str, ...]:
    """The names, each of a submodule and none inside another."""
    known = [name for name, _ in subject.module.named_modules() if name]
    for name in names:
        if name and name not in known:
            raise BoundaryNotFoundError(
                f"{type(subject.module).__name__} has no submodule {name!r} to export. {nearest(name, known)}"
            )
        inside = [other for other in names if other != name and other.startswith(f"{name}." if name else "")]
        if inside:
            raise BoundaryError(
                f"The boundary {inside[0]!r} lies inside the boundary {name or 'forward'!r}, which already holds it. "
                "Name one of them."
            )
    return tuple(dict.fromkeys(names))


def _watched(subject: Subject, names: Sequence[str], batches: Sequence[Batch]) -> dict[str, list[Counted]]:
    """The calls of each boundary, each with the number of items in its batch."""
    module = copy_of(subject.module)
    watched = {name: watch(module, name) for name in names}
    counted: dict[str, list[Counted]] = {name: [] for name in names}
    for (_, step), _ in zip(batches, stepped(subject, module, batches), strict=True):
        for name, calls in watched.items():
            counted[name] += [(call, step.num_items) for call in calls]
            calls.clear()
    for name, found in counted.items():
        if not found:
            raise BoundaryNotFoundError(
                f"{subject.step_name} never calls the boundary {name or 'forward'!r}. Name a "
                "submodule that it calls, or leave boundary out to have it found."
            )
    return counted


def _described(subject: Subject, name: str, counted: Sequence[Counted], *, notes: tuple[str, ...]) -> Probed:
    calls, num_items = [call for call, _ in counted], [items for _, items in counted]
    first = calls[0]
    _check(name, calls)
    inputs = input_names(subject.module.get_submodule(name).forward, first.input_structure)
    outputs = output_names(first.output_structure, taken=inputs)
    specs = specs_of((*inputs, *outputs), [(*call.inputs, *call.outputs) for call in calls], num_items=num_items)
    boundary = Boundary(
        name=name,
        inputs=specs[: len(inputs)],
        outputs=specs[len(inputs) :],
        input_structure=first.input_structure,
        output_structure=first.output_structure,
    )
    return Probed(boundary=boundary, inputs=first.inputs, notes=notes)


def _check(name: str, calls: Sequence[Call]) -> None:
    first = calls[0]
    if not first.inputs or not first.outputs:
        raise NotATensorFunctionError(
            f"The boundary {name or 'forward'!r} takes {len(first.inputs)} and gives {len(first.outputs)} tensors; an "
            "engine needs one of each at least. Name another submodule with boundary=..."
        )
    forms = {(call.input_structure, call.output_structure) for call in calls}
    if len(forms) > 1:
        raise NotATensorFunctionError(
            f"The boundary {name or 'forward'!r} is called in {len(forms)} ways: with other constants, or other nests "
            "of tensors, from call to call. An engine has one: name an inner submodule with boundary=..."
        )
