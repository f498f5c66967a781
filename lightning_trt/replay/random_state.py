"""The state of every random generator that a step may draw from."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RandomState", "random_state_kept"]


@dataclass(frozen=True, slots=True)
class RandomState:
    """State of torch's (CPU and CUDA), numpy's and Python's generators at one moment."""

    cpu: torch.Tensor
    cuda: list[torch.Tensor]
    numpy: Any
    python: Any

    @classmethod
    def now(cls) -> RandomState:
        """The state at this moment; CUDA's where it is in use already."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]  # torch's
        return cls(torch.get_rng_state(), cuda, np.random.get_state(), random.getstate())  # noqa: NPY002 - the user's

    def is_now(self) -> bool:
        """Whether no number was drawn since."""
        now = RandomState.now()
        return (
            torch.equal(self.cpu, now.cpu)
            and len(self.cuda) == len(now.cuda)
            and all(map(torch.equal, self.cuda, now.cuda))
            and repr(self.numpy[2:]) == repr(now.numpy[2:])
            and np.array_equal(self.numpy[1], now.numpy[1])
            and self.python == now.python
        )

    def restore(self) -> None:
        """Let all generators go on from here."""
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)
        np.random.set_state(self.numpy)  # noqa: NPY002 - the user's
        random.setstate(self.python)


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Whatever is drawn inside, the generators go on outside as if nothing had been."""
    state = RandomState.now()
    try:
        yield
    finally:
        state.restore()
