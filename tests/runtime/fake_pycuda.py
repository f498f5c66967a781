"""`pycuda.driver` on the processor: its memory is numpy's, at addresses that the stand-in of TensorRT takes.

It refuses what pycuda refuses: memory that is asked for, or given back, where no context is entered.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

__all__ = ["driver"]


def driver(*, num_gpus: int = 1, num_bytes: int = 1 << 30) -> Any:  # noqa: C901 - a module in a function
    """The module, for a machine with so many GPUs of so much memory."""

    class Error(Exception):
        pass

    class OutOfMemoryError(Error):
        pass

    class Context:
        entered: list[Any] = []  # noqa: RUF012 - the stack of one process

        def push(self) -> None:
            Context.entered.append(self)

        @staticmethod
        def pop() -> None:
            Context.entered.pop()

    class Device:
        def __init__(self, ordinal: int) -> None:
            assert ordinal < num_gpus

        @staticmethod
        def count() -> int:
            return num_gpus

        def name(self) -> str:
            return "a GPU"

        def compute_capability(self) -> tuple[int, int]:
            return (9, 0)

        def retain_primary_context(self) -> Context:
            return Context()

    class Stream:
        handle = 7

        def __init__(self) -> None:
            assert Context.entered

        def synchronize(self) -> None:
            assert Context.entered

    class Allocation:
        free_bytes = num_bytes

        def __init__(self, size: int) -> None:
            assert Context.entered
            if size > Allocation.free_bytes:
                raise OutOfMemoryError("out of memory")
            Allocation.free_bytes -= size
            self.bytes = np.zeros(size, np.uint8)

        def __int__(self) -> int:
            return int(self.bytes.ctypes.data)

        def __del__(self) -> None:
            if hasattr(self, "bytes"):
                assert Context.entered
                Allocation.free_bytes += len(self.bytes)

    def copy_in(device: Allocation, host: np.ndarray[Any, Any], _stream: Stream) -> None:
        assert Context.entered
        ctypes.memmove(int(device), host.ctypes.data, host.nbytes)

    def copy_out(host: np.ndarray[Any, Any], device: Allocation, _stream: Stream) -> None:
        assert Context.entered
        ctypes.memmove(host.ctypes.data, int(device), host.nbytes)

    names = {
        "Error": Error,
        "MemoryError": OutOfMemoryError,
        "Context": Context,
        "Device": Device,
        "Stream": Stream,
        "Allocation": Allocation,
        "init": lambda: None,
        "get_driver_version": lambda: 13000,
        "mem_alloc": Allocation,
        "pagelocked_empty": np.empty,
        "memcpy_htod_async": copy_in,
        "memcpy_dtoh_async": copy_out,
    }
    return type("driver", (), {name: staticmethod(each) if callable(each) else each for name, each in names.items()})
