"""Why no GPU can be used here: no driver, one that is too old, or no device that it shows."""

from __future__ import annotations

import os
from ctypes import CDLL, byref, c_int

import torch

from lightning_trt.errors import BackendNotAvailableError, DriverTooOldError

__all__ = ["cuda_of_driver", "no_gpu"]

_LIBRARY = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"


def cuda_of_driver() -> tuple[int, int] | None:
    """Major and minor number of the newest CUDA that the driver here knows; None without a driver."""
    number = c_int()
    try:
        # https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__VERSION.html: 12040 is 12.4.
        if CDLL(_LIBRARY).cuDriverGetVersion(byref(number)) != 0:
            return None
    except (OSError, AttributeError):
        return None
    return number.value // 1000, number.value % 1000 // 10


def no_gpu(who: str) -> BackendNotAvailableError:
    """The error for `who` needs a GPU where torch finds none, with the reason and its cure.

    Example:
        >>> from lightning_trt.backends.driver import no_gpu
        >>> str(no_gpu("tensorrt 10.16")).startswith("tensorrt 10.16 needs a GPU")
        True
    """
    here, built_for = cuda_of_driver(), torch.version.cuda
    needs = f"{who} needs a GPU, and"
    if here is None:
        return BackendNotAvailableError(f"{needs} there is no GPU here: no NVIDIA driver is installed. Install one.")
    known = ".".join(map(str, here))
    if built_for is None:
        return BackendNotAvailableError(f"{needs} this torch was built without CUDA. Install one for CUDA {known}.")
    # A driver serves all minor versions of its major one.
    if here[0] < int(built_for.partition(".")[0]):
        return DriverTooOldError(
            f"{needs} its driver is too old: it knows CUDA up to {known}, and this torch was built for {built_for}. "
            f"Update the driver, or install a torch for CUDA {known}."
        )
    return BackendNotAvailableError(
        f"{needs} the driver, of CUDA {known}, shows torch none. See what `nvidia-smi` and CUDA_VISIBLE_DEVICES say."
    )
