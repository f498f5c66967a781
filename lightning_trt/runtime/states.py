"""An engine's files as tensors, which is what a `state_dict` carries, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lightning_trt.errors import ManifestError
from lightning_trt.runtime.packing import packed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_trt.artifacts import Engine

__all__ = ["files_of", "state_of"]


def state_of(engine: Engine) -> dict[str, Tensor]:
    """Every file in the engine's folder by its path there, each as its bytes in a tensor of uint8."""
    return {name: torch.from_numpy(np.frombuffer(each, np.uint8).copy()) for name, each in packed(engine).items()}


def files_of(state: Mapping[str, object]) -> dict[str, bytes]:
    """The files of such a state.

    Raises:
        ManifestError: Something in it is no file.

    Example:
        >>> import torch
        >>> from lightning_trt.runtime.states import files_of
        >>> files_of({"build.log": torch.tensor([104, 105], dtype=torch.uint8)})
        {'build.log': b'hi'}
    """
    return {name: _bytes_of(name, value) for name, value in state.items()}


def _bytes_of(name: str, value: object) -> bytes:
    if not isinstance(value, Tensor) or value.dtype is not torch.uint8:
        raise ManifestError(
            f"the state has {name!r}, which is no file of an engine: those are tensors of uint8. Take the state as it "
            "was saved, with `torch.save(module.state_dict(), path)`."
        )
    return value.cpu().numpy().tobytes()
