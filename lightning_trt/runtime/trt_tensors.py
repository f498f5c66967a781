"""TensorRT engines on torch tensors: sessions whose memory and streams are torch's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lightning_trt.errors import ManifestError, SessionError
from lightning_trt.runtime.arrays import Scratch
from lightning_trt.runtime.streams import Streams
from lightning_trt.runtime.trt_call import TensorCall
from lightning_trt.runtime.trt_session import TensorRTSession

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from torch import Tensor

    from lightning_trt.artifacts import Engine
    from lightning_trt.runtime._trt import Package
    from lightning_trt.runtime.arrays import Bindings
    from lightning_trt.runtime.trt_call import CapturingQueue

__all__ = ["OUTPUT_BUFFERS", "open_on_tensors"]

OUTPUT_BUFFERS = "output_buffers"
"""The option of an engine that says how many buffers its results lie in, by turns; without it results are fresh."""


def open_on_tensors(
    trt: Package, engine: Engine, *, queue: CapturingQueue | None = None, num_graphs: int = 8
) -> TensorRTSession[Tensor]:
    """A session of `engine` on the current GPU: torch tensors in, torch tensors on that GPU out.

    Inputs of any device and memory layout are taken. Work is put on the caller's stream. Shapes that come again are
    replayed as CUDA graphs; `num_graphs` is for how many shapes they are kept, 0 for none.

    Raises:
        EngineError: TensorRT cannot open the plan.
        SessionError: There is too little device memory.

    Example::

        with open_on_tensors(package("tensorrt"), engine) as session:
            logits = session({"x": images})["logits"]
    """
    where = queue or Streams(torch.device("cuda", torch.cuda.current_device()))
    memory = _TensorMemory(where, use_graphs=num_graphs > 0, num_buffers=_num_buffers(engine.options))
    return TensorRTSession(trt, engine, queue=where, memory=memory, num_shapes=num_graphs)


class _TensorMemory:
    """Tensors, and what torch's allocator gives."""

    def __init__(self, queue: CapturingQueue, *, use_graphs: bool, num_buffers: int) -> None:
        self._queue = queue
        self._use_graphs = use_graphs
        self._num_buffers = num_buffers

    def scratch(self, num_bytes: int) -> Scratch:
        """So much device memory."""
        try:
            held = torch.empty(num_bytes, dtype=torch.uint8, device=self._queue.device)
        except torch.OutOfMemoryError as error:
            raise SessionError(
                f"the engine works in {num_bytes >> 20} MiB of device memory, which are not free: {error}. Close other "
                "engines, or run it where nothing else does."
            ) from error
        return Scratch(address=held.data_ptr(), num_bytes=num_bytes, owner=held)

    def call(self, context: Any, bindings: Bindings) -> TensorCall:
        """Calls of a context whose input shapes are set."""
        return TensorCall(context, self._queue, bindings, use_graphs=self._use_graphs, num_buffers=self._num_buffers)

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """The parts in one tensor."""
        return torch.cat(list(parts))

    def places(self, arrays: Sequence[Any]) -> Hashable:
        """Shape, type, address, device and layout of each tensor; None where one is no tensor, or has no memory."""
        try:
            return tuple(
                [(each.shape, each.dtype, each.data_ptr(), each.get_device(), each.is_contiguous()) for each in arrays]
            )
        except (AttributeError, RuntimeError):
            return None


def _num_buffers(options: Mapping[str, str]) -> int:
    told = options.get(OUTPUT_BUFFERS, "0")
    if not told.isdecimal():
        raise ManifestError(
            f"the engine's option {OUTPUT_BUFFERS} is {told!r}; expected a whole number. Take the manifest as it was "
            "written."
        )
    return int(told)
