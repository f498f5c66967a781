"""An engine's files as tensors, which is what a `state_dict` carries, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lightning_trt.errors import ManifestError
from lightning_trt.runtime.packing import packed

if TYPE_CHECKING:
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
    if not isinstance(state, Mapping):
        raise ManifestError(
            f"the state is a {type(state).__name__}, not the files of an engine by name. Take it as it was saved."
        )
    return {name: _bytes_of(name, value) for name, value in state.items()}


def _bytes_of(name: str, value: object) -> bytes:
    if not isinstance(value, Tensor) or not _is_file(value):
        raise ManifestError(
            f"the state has {name!r}, which is no file of an engine: those are tensors of uint8. Take the state as it "
            "was saved, with `torch.save(module.state_dict(), path)`."
        )
    return value.cpu().numpy().tobytes()


def _is_file(tensor: Tensor) -> bool:
    """Whether it is a list of bytes, each with a place in memory of its own: one can stand for any number of them."""
    is_list = tensor.dtype is torch.uint8 and tensor.layout is torch.strided and tensor.ndim == 1
    return is_list and not tensor.is_meta and tensor.is_contiguous()
