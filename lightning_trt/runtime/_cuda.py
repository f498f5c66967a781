"""The GPU without torch, and the one door to pycuda: no other file imports it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from lightning_trt.errors import BackendNotAvailableError

__all__ = ["GPU", "driver", "gpu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GPU:
    """A GPU as engines are bound to it; `cuda` is the version of CUDA that engines built here are for."""

    name: str
    compute_capability: str
    cuda: str


def driver() -> Any:  # noqa: ANN401 - pycuda ships no types
    """The module `pycuda.driver`, ready for use.

    Raises:
        BackendNotAvailableError: pycuda is not installed, or there is no GPU, or no driver that it can use.
    """
    try:
        cuda: Any = import_module("pycuda.driver")
    except (ImportError, OSError) as error:
        raise BackendNotAvailableError(
            f"the package pycuda cannot be imported: {error}. Install it, beside NVIDIA's driver: "
            "pip install 'lightning-trt[pycuda]'"
        ) from error
    try:
        cuda.init()
        num_gpus = int(cuda.Device.count())
    except cuda.Error as error:
        raise BackendNotAvailableError(
            f"pycuda finds no GPU: {error}. There is none, or its driver is too old for this pycuda. Run `nvidia-smi` "
            "to see which, and update the driver or run the engine elsewhere."
        ) from error
    if num_gpus == 0:
        raise BackendNotAvailableError(
            "pycuda finds no GPU. See which there are with `nvidia-smi`, and whether CUDA_VISIBLE_DEVICES hides them."
        )
    return cuda


def gpu(cuda: Any, *, built_for_cuda: str | None) -> GPU:  # noqa: ANN401 - pycuda ships no types
    """The first GPU.

    A plan needs a driver of its version of CUDA or a later one, and no particular one: where the driver is such, `cuda`
    is the version that the engine was built for.
    """
    device = cuda.Device(0)
    number = int(cuda.get_driver_version())
    here = f"{number // 1000}.{number % 1000 // 10}"
    major = int((built_for_cuda or here).partition(".")[0])
    return GPU(
        name=str(device.name()),
        compute_capability=".".join(map(str, device.compute_capability())),
        cuda=built_for_cuda if built_for_cuda and number // 1000 >= major else here,
    )
