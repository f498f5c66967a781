"""Copies of the user's module that never reach the original, and engines put into them."""

from __future__ import annotations

import copy
from types import CellType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor, nn
from torch._dynamo.eval_frame import OptimizedModule
from torchmetrics import Metric

from lightning_trt.errors import BoundaryNotFoundError, nearest
from lightning_trt.notices import notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytorch_lightning import LightningModule

__all__ = ["copy_of", "metrics_of", "place", "uncompiled"]

ModuleT = TypeVar("ModuleT", bound="LightningModule")

_COMPILED = ("forward", "training_step", "validation_step", "test_step", "predict_step")


def copy_of(module: ModuleT, *, share: bool = False) -> ModuleT:
    """A deep copy of `module` in evaluation mode, its metrics reset and local to this process.

    Attributes that cannot be copied (locks, files, sessions) are shared with the original, with a warning that names
    them. With `share` the parameters are the original's own tensors, which costs no memory.
    """
    memo = _kept(module)
    if share:
        memo |= {id(parameter): parameter for parameter in module.parameters()}
    made = _deep_copy(module, memo)
    _forget_compilation(made)
    for part in made.modules():
        if hasattr(part, "_metric_attributes"):
            # Ids of the original's metrics: Lightning would not find the copy's own.
            vars(part)["_metric_attributes"] = None
    for metric in metrics_of(made):
        metric.reset()
        metric.sync_on_compute = False
        metric.distributed_available_fn = _never
    return made.eval()


def place(module: LightningModule, boundary: str, engine: nn.Module) -> None:
    """Let `engine` answer for the submodule `boundary` of a copy; `""` is the LightningModule's own `forward`.

    Only `forward` is replaced, so that hooks, attributes and `isinstance` stay as the user's code knows them.

    Raises:
        BoundaryNotFoundError: There is no such submodule.
    """
    try:
        part = module.get_submodule(boundary)
    except AttributeError as error:
        known = [name for name, _ in module.named_modules() if name]
        raise BoundaryNotFoundError(
            f"{type(module).__name__} has no submodule {boundary!r}. {nearest(boundary, known)}"
        ) from error
    part.forward = engine.__call__


def uncompiled(module: ModuleT) -> ModuleT:
    """The copy itself, with compiled submodules taken out of their wrappers: names stay, the arithmetic is eager."""
    for part in list(module.modules()):
        for name, child in part.named_children():
            if isinstance(child, OptimizedModule):
                setattr(part, name, child._orig_mod)
    return module


def metrics_of(module: nn.Module) -> Iterator[Metric]:
    """Every torchmetrics Metric of `module`, those in plain lists and dicts of its attributes too."""
    seen: set[int] = set()
    for part in module.modules():
        loose = [value for held in vars(part).values() for value in _values(held)]
        for metric in (part, *loose):
            if isinstance(metric, Metric) and id(metric) not in seen:
                seen.add(id(metric))
                yield metric


def _values(held: object) -> list[object]:
    """What a plain container holds, however deep."""
    if isinstance(held, dict):
        inner = list(held.values())
    elif isinstance(held, list | tuple):
        inner = list(held)
    else:
        return [held]
    return [value for item in inner for value in _values(item)]


def _never() -> bool:
    return False


def _kept(module: LightningModule) -> dict[int, Any]:
    """What a copy must not drag along: the Trainer, and the DataModule with its data."""
    trainer = module._trainer
    if trainer is None:
        return {}
    held = (trainer, getattr(trainer, "datamodule", None))
    return {id(thing): thing for thing in held if thing is not None}


def _deep_copy(module: ModuleT, memo: dict[int, Any]) -> ModuleT:
    """A deep copy; what stands in its way is taken out of the way and the copy is tried once more."""
    first = dict(memo)
    try:
        return _rebound(copy.deepcopy(module, first), first)
    except Exception:  # noqa: BLE001 - whatever an attribute raises when it is copied
        shared = []
        for name, part in module.named_modules():
            for attribute, value in vars(part).items():
                if attribute != "_modules" and _ease(value, memo):
                    shared.append(f"{name}.{attribute}".removeprefix("."))
        if shared:
            notice(
                f"{', '.join(shared)} of {type(module).__name__} cannot be copied; the copies on which validation is "
                "replayed share it with your module.",
            )
        return _rebound(copy.deepcopy(module, memo), memo)


def _ease(value: object, memo: dict[int, Any]) -> bool:
    """Whether something in `value` cannot be copied and is shared through `memo`; tensors with history are detached."""
    if isinstance(value, Tensor):
        if not value.is_leaf:
            memo[id(value)] = value.detach().clone()
        return False
    if isinstance(value, dict | list | tuple | set):
        inner = value.values() if isinstance(value, dict) else value
        # Every one of them, not only until the first.
        return sum(_ease(item, memo) for item in inner) > 0
    try:
        copy.deepcopy(value, dict(memo))
    except Exception:  # noqa: BLE001 - whatever it raises
        memo[id(value)] = value
        return True
    return False


def _forget_compilation(module: LightningModule) -> None:
    """Drop what torch.compile bound to the original: the copy would compute with the original's weights."""
    module.__dict__["_compiled_call_impl"] = None
    if module._compiler_ctx is not None:
        for name in _COMPILED:
            vars(module).pop(name, None)
        module._compiler_ctx = None


def _rebound(module: ModuleT, memo: dict[int, Any]) -> ModuleT:
    """The copy, with functions among its attributes that hold originals holding the copies instead.

    A function is copied as itself: a lambda over `self`, or a patched `forward`, would still reach the user's module.
    """
    for part in module.modules():
        for name, value in vars(part).items():
            if isinstance(value, FunctionType):
                vars(part)[name] = _function_of_copy(value, memo)
    return module


def _function_of_copy(function: FunctionType, memo: dict[int, Any]) -> Any:
    compiled = getattr(function, "_torchdynamo_orig_callable", None)
    if compiled is not None:
        return _counterpart(compiled, memo)
    try:
        held = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # a cell that is not filled yet
        return function
    cells = tuple(CellType(_counterpart(value, memo)) for value in held)
    made = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, cells)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _counterpart(value: object, memo: dict[int, Any]) -> object:
    """What the copy has in the place of `value`; `value` itself where nothing of it was copied."""
    if isinstance(value, MethodType):
        return MethodType(value.__func__, _counterpart(value.__self__, memo))
    if isinstance(value, FunctionType):
        return _function_of_copy(value, memo)
    return memo.get(id(value), value)
