"""Which way code goes where it asks a tensor for yes or no, written down and taken again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Branches"]


class Branches(TorchFunctionMode):
    """While entered, `if tensor:` goes the ways of `given` in turn, or its own way where that is None.

    A metric that takes its inputs for logits when any of them lies outside of [0, 1] decides so for a whole batch. A
    row alone must go the way that its batch went; and code that asks no tensor can be mapped over rows by torch.

    Example:
        >>> import torch
        >>> from lightning_trt.stages.validate.branches import Branches
        >>> def scaled(x):
        ...     return x / 10 if (x > 1).any() else x
        >>> with Branches() as seen:
        ...     scaled(torch.tensor([1.0, 5.0]))
        tensor([0.1000, 0.5000])
        >>> with Branches(seen.taken):
        ...     scaled(torch.tensor([1.0]))
        tensor([0.1000])
    """

    def __init__(self, given: Sequence[bool] | None = None) -> None:
        super().__init__()
        self.taken: list[bool] = []
        self._given = None if given is None else iter(given)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function gives
        """What torch calls in the place of each of its functions."""
        if func is not Tensor.__bool__:
            return func(*args, **(kwargs or {}))
        way = func(*args) if self._given is None else next(self._given)
        self.taken.append(way)
        return way
