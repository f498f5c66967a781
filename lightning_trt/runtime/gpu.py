"""The GPU that engines run on here, as torch sees it."""

from __future__ import annotations

import torch

from lightning_trt.runtime._cuda import GPU

__all__ = ["GPU", "gpu_here", "uuid_here"]


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


def uuid_here() -> str | None:
    """The number of the current GPU, which is its own in every process, whatever CUDA_VISIBLE_DEVICES calls it."""
    if not torch.cuda.is_available():
        return None
    return f"GPU-{torch.cuda.get_device_properties(torch.cuda.current_device()).uuid}"
