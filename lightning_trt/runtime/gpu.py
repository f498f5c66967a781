"""The GPU that engines run on here."""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["GPU", "gpu_here"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GPU:
    """A GPU as engines are bound to it; `cuda` is the version of CUDA that torch brings."""

    name: str
    compute_capability: str
    cuda: str


def gpu_here() -> GPU | None:
    """The current GPU of this process; None without one, and where the driver is too old for torch."""
    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    return GPU(
        name=properties.name,
        compute_capability=f"{properties.major}.{properties.minor}",
        cuda=str(torch.version.cuda),
    )
