"""What a user would run instead of an engine: the reference in fp16, and compiled by torch."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from lightning_trt.settings import Beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["asked_beside", "beside"]


def asked_beside(asked: tuple[Beside, ...] | None, *, on_gpu: bool) -> tuple[Beside, ...]:
    """What is timed beside the engines; without a word all on a GPU, and nothing on a processor.

    Example:
        >>> from lightning_trt.pipeline.beside import asked_beside
        >>> asked_beside(None, on_gpu=False)
        ()
    """
    if asked is not None:
        return asked
    return tuple(Beside) if on_gpu else ()


def beside(reference: nn.Module, *, asked: Iterable[Beside]) -> dict[str, Callable[..., object]]:
    """Callables that take what `reference` takes and run a copy of it, by name; the first call makes and compiles it.

    Each is what torch's own guides advise for speed: weights of convolutions are channels last in fp16, and
    `torch.compile` is told `reduce-overhead` (CUDA graphs) and one graph for each batch size. Casts to fp16 are part of
    the call, as they are part of an engine.
    """
    return {each.value: _at_first_call(_WAYS[each], reference) for each in asked}


def _at_first_call(make: Callable[[nn.Module], Callable[..., object]], reference: nn.Module) -> Callable[..., object]:
    """What `make` makes of a copy, made when it is first called: what cannot be made fails as a call, and alone."""

    @cache
    def made() -> Callable[..., object]:
        # The call may be under inference mode, whose tensors no compiler takes for parameters.
        with torch.inference_mode(mode=False):
            return make(deepcopy(reference))

    def run(*args: object, **kwargs: object) -> object:
        return made()(*args, **kwargs)

    return run


class _InFp16(nn.Module):
    """The module in fp16, called as before."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = nn.utils.convert_conv2d_weight_memory_format(module.half(), torch.channels_last)

    def forward(self, *args: object, **kwargs: object) -> object:
        args, kwargs = pytree.tree_map_only(Tensor, _in_fp16, (args, kwargs))
        return self.module(*args, **kwargs)


def _in_fp16(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor


def _compiled(module: nn.Module) -> Callable[..., Any]:
    compiled: Callable[..., Any] = torch.compile(module, mode="reduce-overhead", dynamic=False)
    return compiled


_WAYS: dict[Beside, Callable[[nn.Module], Callable[..., object]]] = {
    Beside.eager_fp16: _InFp16,
    Beside.compile_fp32: _compiled,
    Beside.compile_fp16: lambda module: _compiled(_InFp16(module)),
}
