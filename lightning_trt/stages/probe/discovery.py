"""Who calls whom in a validation step: the tree of module calls, and the boundary in it."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn
from torchmetrics import Metric

from lightning_trt.errors import NotATensorFunctionError
from lightning_trt.runtime.structure import flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytorch_lightning import LightningModule

    from lightning_trt.artifacts import Structure

__all__ = ["CallTree"]

_Tensors = tuple["weakref.ref[torch.Tensor]", ...]


@dataclass(slots=True)
class _Node:
    """One call of a module: the structures and tensors it got and gave (None: something else than tensors)."""

    name: str
    taken: tuple[Structure, _Tensors] | None
    given: tuple[Structure, _Tensors] | None = None
    children: list[_Node] = field(default_factory=list)
    hands_through: bool = False


class CallTree:
    """The calls of a copy's modules while it validates, as a tree.

    Every submodule's own `forward` is wrapped, because `self.net.forward(x)` passes no hook.
    """

    def __init__(self, module: LightningModule) -> None:
        self.module = module
        self._root = _Node("", None)
        self._open = [self._root]
        for name, part in _callable_parts(module):
            part.forward = self._watched(name, part.forward)

    def boundaries(self) -> list[str]:
        """The largest tensor functions with weights that were called, in the order of their first call."""
        found = [name for child in _names(self._root.children) for name in self._within(child, self._root.children)]
        return list(dict.fromkeys(found))

    def seen(self) -> list[str]:
        """What the step called itself, and what that called, for an error's sentence."""
        calls = [*self._root.children, *(child for node in self._root.children for child in node.children)]
        return [f"{name or 'forward'} ({type(self.module.get_submodule(name)).__name__})" for name in _names(calls)]

    def _watched(self, name: str, forward: Callable[..., object]) -> Callable[..., object]:
        def watched(*args: object, **kwargs: object) -> object:
            node = _Node(name, _taken_apart((args, kwargs)))
            self._open[-1].children.append(node)
            self._open.append(node)
            try:
                results = forward(*args, **kwargs)
            finally:
                self._open.pop()
            node.given = _taken_apart(results)
            # Asked here, while the tensors of both live.
            node.hands_through = len(node.children) == 1 and _same_tensors(node, node.children[0])
            return results

        return watched

    def _within(self, name: str, calls: list[_Node]) -> list[str]:
        nodes = [node for node in calls if node.name == name]
        children = [child for node in nodes for child in node.children]
        if self._is_tensor_function(nodes):
            wraps = all(node.hands_through for node in nodes) and self._is_tensor_function(children)
            return self._within(children[0].name, children) if wraps else [name]
        return [found for inner in _names(children) for found in self._within(inner, children)]

    def _is_tensor_function(self, nodes: list[_Node]) -> bool:
        """Whether they are calls of one module with weights, with tensors for tensors, in one structure."""
        first = nodes[0]
        if first.taken is None or first.given is None or not first.taken[1] or not first.given[1]:
            return False
        if next(self.module.get_submodule(first.name).parameters(), None) is None:
            return False
        forms = {(node.name, node.taken and node.taken[0], node.given and node.given[0]) for node in nodes}
        return len(forms) == 1


def _callable_parts(module: LightningModule) -> Iterator[tuple[str, nn.Module]]:
    """Every submodule that may be called, without metrics and what is inside them."""
    skipped: list[str] = []
    for name, part in module.named_modules():
        if any(name.startswith(f"{outer}.") for outer in skipped):
            continue
        if isinstance(part, Metric | torch.jit.ScriptModule):
            skipped.append(name)
        elif not isinstance(part, nn.ModuleList | nn.ModuleDict | nn.ParameterList | nn.ParameterDict):
            yield name, part


def _taken_apart(nest: object) -> tuple[Structure, _Tensors] | None:
    try:
        structure, tensors = flatten(nest, is_leaf=torch.is_tensor)
    except NotATensorFunctionError:
        return None
    return structure, tuple(weakref.ref(tensor) for tensor in tensors)


def _same_tensors(outer: _Node, inner: _Node) -> bool:
    """Whether two calls got the same tensors and gave the same."""
    pairs = ((outer.taken, inner.taken), (outer.given, inner.given))
    return all(one and other and _alive(one[1]) == _alive(other[1]) for one, other in pairs)


def _alive(tensors: _Tensors) -> list[int | None]:
    return [None if tensor() is None else id(tensor()) for tensor in tensors]


def _names(nodes: list[_Node]) -> list[str]:
    return list(dict.fromkeys(node.name for node in nodes))
