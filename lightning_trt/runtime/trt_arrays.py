"""TensorRT engines on numpy arrays, without torch: pycuda's memory, the GPU's primary context, one stream."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from lightning_trt.errors import SessionError
from lightning_trt.runtime.arrays import Scratch
from lightning_trt.runtime.trt_session import TensorRTSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lightning_trt.artifacts import Engine
    from lightning_trt.runtime._trt import Package
    from lightning_trt.runtime.arrays import Bindings

__all__ = ["open_on_arrays"]

Values = NDArray[Any]


def open_on_arrays(trt: Package, engine: Engine, *, cuda: Any) -> TensorRTSession[Values]:
    """A session of `engine` on the first GPU: numpy arrays in, fresh numpy arrays out when they are there.

    `cuda` is `pycuda.driver` (`_cuda.driver()`). Another library that uses the GPU's primary context, as torch does,
    can be used beside it.

    Raises:
        EngineError: TensorRT cannot open the plan.
        SessionError: There is too little device memory.
    """
    queue = _CudaQueue(cuda)
    return TensorRTSession(trt, engine, queue=queue, memory=_CudaMemory(cuda, queue))


class _CudaQueue:
    """One stream in the primary context of the first GPU, which is entered for each call."""

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        self._context = cuda.Device(0).retain_primary_context()
        with self.ordered():
            self.stream = cuda.Stream()

    @contextmanager
    def ordered(self) -> Iterator[None]:
        """The context, for the calling thread."""
        self._context.push()
        try:
            yield
        finally:
            self._cuda.Context.pop()

    def run(self, enqueue: Callable[[int], bool]) -> bool:
        """What `enqueue` answers, after it put its work on the stream."""
        return enqueue(int(self.stream.handle))

    def finish(self) -> None:
        """Nothing; all that was put on the stream is done."""
        self.stream.synchronize()


class _CudaMemory:
    """numpy's arrays, and what pycuda allocates."""

    def __init__(self, cuda: Any, queue: _CudaQueue) -> None:
        self._cuda = cuda
        self._queue = queue

    def scratch(self, num_bytes: int) -> Scratch:
        """So much device memory."""
        held = _allocated(self._cuda, num_bytes)
        return Scratch(address=int(held), num_bytes=num_bytes, owner=held)

    def call(self, context: Any, bindings: Bindings) -> _ArrayCall:
        """Calls of a context whose input shapes are set."""
        return _ArrayCall(self._cuda, self._queue, context, bindings)

    def joined(self, parts: Sequence[Values]) -> Values:
        """The parts in one array."""
        return np.concatenate(parts)

    def places(self, arrays: Sequence[object]) -> None:
        """None: arrays of the host are copied, and no call is replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Buffer:
    """A tensor of the engine: pinned memory of the host, and as much of the device's."""

    host: Values
    raw: Values
    device: Any


class _ArrayCall:
    """An execution context whose input shapes are set, with buffers of its own at fixed addresses."""

    def __init__(self, cuda: Any, queue: _CudaQueue, context: Any, bindings: Bindings) -> None:
        self._cuda = cuda
        self._queue = queue
        self._context = context
        self._inputs = {name: self._buffer(name, dtype) for name, dtype in bindings.inputs.items()}
        self._outputs = {name: self._buffer(name, dtype) for name, dtype in bindings.outputs.items()}
        self._gives = {name: _dtype(spelled) for name, spelled in bindings.gives.items()}

    def __call__(self, given: Mapping[str, Values]) -> dict[str, Values]:
        """Outputs by name, when they are there."""
        stream = self._queue.stream
        for name, buffer in self._inputs.items():
            buffer.host[...] = given[name]
            self._cuda.memcpy_htod_async(buffer.device, buffer.raw, stream)
        if not self._queue.run(self._context.execute_async_v3):
            raise _failed()
        for buffer in self._outputs.values():
            self._cuda.memcpy_dtoh_async(buffer.raw, buffer.device, stream)
        stream.synchronize()
        return {name: buffer.host.astype(self._gives[name]) for name, buffer in self._outputs.items()}

    def again(self, given: Mapping[str, Values]) -> None:
        """None: it reads buffers of its own."""

    def _buffer(self, name: str, spelled: str) -> _Buffer:
        shape, dtype = tuple(self._context.get_tensor_shape(name)), _dtype(spelled)
        num_bytes = prod(shape) * dtype.itemsize
        # As bytes, because pycuda knows only the types that buffers of Python know; at least one, as for any memory.
        raw = self._cuda.pagelocked_empty(max(num_bytes, 1), np.uint8)
        device = _allocated(self._cuda, len(raw))
        if not self._context.set_tensor_address(name, int(device)):
            raise _failed()
        return _Buffer(host=raw[:num_bytes].view(dtype).reshape(shape), raw=raw, device=device)


def _allocated(cuda: Any, num_bytes: int) -> Any:
    try:
        return cuda.mem_alloc(num_bytes)
    except cuda.MemoryError as error:
        raise SessionError(
            f"the engine needs {num_bytes >> 20} MiB of device memory, which are not free: {error}. Close other "
            "engines, or run it where nothing else does."
        ) from error


def _dtype(spelled: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, spelled, spelled))


def _failed() -> SessionError:
    return SessionError("TensorRT could not start the engine. Free device memory, and open the engine again.")
