"""An engine set up for one set of input shapes, to be called many times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

from lightning_trt.errors import SessionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from torch import Tensor

__all__ = ["Call", "Queue"]


class Queue(Protocol):
    """Where work is put: CUDA streams (`Streams`)."""

    device: torch.device

    def ordered(self) -> AbstractContextManager[object]:
        """Device and order for one call."""
        ...

    def run(self, enqueue: Callable[[int], bool]) -> bool:
        """What `enqueue` answers, after it put its work on the stream whose handle it got."""
        ...

    def captured(self, enqueue: Callable[[int], bool]) -> Callable[[], None] | None:
        """What puts the same work there again; None where the work cannot be captured."""
        ...


class Call:
    """An execution context whose input shapes are set.

    The first call works on the caller's own tensors. From the second on it replays a CUDA graph over fixed buffers:
    shapes that come once, as that of a last batch, are not worth one. What cannot be captured goes on as the first.

    `inputs` and `outputs` are the types of the engine's tensors by name, `gives` those of the results.
    """

    def __init__(
        self,
        context: Any,
        queue: Queue,
        *,
        inputs: Mapping[str, torch.dtype],
        outputs: Mapping[str, torch.dtype],
        gives: Mapping[str, torch.dtype],
    ) -> None:
        self._context = context
        self._queue = queue
        self._inputs = inputs
        self._outputs = outputs
        self._gives = [(name, gives[name]) for name in outputs]
        self._shapes = {name: tuple(context.get_tensor_shape(name)) for name in outputs}
        self._num_calls = 0
        self._replay: Callable[[], None] | None = None
        self._fixed: dict[str, Tensor] = {}

    def __call__(self, given: Mapping[str, Tensor], *, use_graph: bool) -> dict[str, Tensor]:
        """Outputs by name, fresh."""
        self._num_calls += 1
        if use_graph and self._num_calls == 2:  # noqa: PLR2004 - see the class
            self._capture()
        if self._replay is None:
            return self._run_plain(given)
        fixed = self._fixed
        for name in self._inputs:
            fixed[name].copy_(given[name].detach(), non_blocking=True)
        self._replay()
        return {name: fixed[name].to(dtype, copy=True) for name, dtype in self._gives}

    def _run_plain(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        device = self._queue.device
        taken = {
            name: given[name].to(device, dtype, non_blocking=True).contiguous() for name, dtype in self._inputs.items()
        }
        made = self._empty_outputs()
        self._set_addresses({**taken, **made})
        if not self._queue.run(self._context.execute_async_v3):
            raise _failed()
        return {name: made[name].to(dtype) for name, dtype in self._gives}

    def _capture(self) -> None:
        device = self._queue.device
        # What is made under inference mode could not be written to outside of it.
        with torch.inference_mode(mode=False):
            fixed = {
                name: torch.zeros(tuple(self._context.get_tensor_shape(name)), dtype=dtype, device=device)
                for name, dtype in self._inputs.items()
            } | self._empty_outputs()
        self._set_addresses(fixed)
        self._replay = self._queue.captured(self._context.execute_async_v3)
        self._fixed = fixed if self._replay else {}

    def _empty_outputs(self) -> dict[str, Tensor]:
        device = self._queue.device
        return {
            name: torch.empty(self._shapes[name], dtype=dtype, device=device) for name, dtype in self._outputs.items()
        }

    def _set_addresses(self, tensors: Mapping[str, Tensor]) -> None:
        for name, tensor in tensors.items():
            if not self._context.set_tensor_address(name, tensor.data_ptr()):
                raise _failed()


def _failed() -> SessionError:
    return SessionError("TensorRT could not start the engine. Free device memory, and load the engine again.")
