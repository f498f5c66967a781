"""An engine set up for one set of input shapes, called with torch tensors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from lightning_trt.errors import SessionError
from lightning_trt.runtime.arrays import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lightning_trt.runtime.arrays import Again, Bindings

__all__ = ["CapturingQueue", "TensorCall"]

_ALIGNMENT = 256
"""Bytes that TensorRT wants addresses to be a multiple of."""

_MOST_DIRECT = 4
"""Graphs that read a caller's tensors in place, for each shape and buffer of results."""

_MOST_SEEN = 16
"""Addresses that are remembered, to be known when they come again."""


class CapturingQueue(Queue, Protocol):
    """Streams of torch (`Streams`): what is put there can be captured."""

    device: torch.device

    def is_followed(self) -> bool:
        """Whether the caller is where the last work was put, so that a replayed graph comes after it."""
        ...

    def captured(self, enqueue: Callable[[int], bool]) -> Callable[[], None] | None:
        """What puts the same work there again; None where the work cannot be captured."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Graph:
    """What replays a call; `copied` are the buffers that inputs are copied to before, none where it reads in place."""

    replay: Callable[[], None]
    copied: Sequence[Tensor]
    outputs: Sequence[Tensor]


class TensorCall:
    """An execution context whose input shapes are set.

    The first call works on the caller's own tensors. From the second on it replays a CUDA graph: shapes that come once,
    as that of a last batch, are not worth one. A graph reads from fixed addresses: from the caller's own, where tensors
    come again at the same ones and the engine can read them as they are, else from buffers of ours that inputs are
    copied to. What cannot be captured goes on as the first call.

    Results are fresh, or with `num_buffers` they lie in so many sets of buffers by turns.
    """

    def __init__(
        self, context: Any, queue: CapturingQueue, bindings: Bindings, *, use_graphs: bool, num_buffers: int
    ) -> None:
        self._context = context
        self._queue = queue
        self._inputs = [(name, _dtype(spelled)) for name, spelled in bindings.inputs.items()]
        self._outputs = [(name, _dtype(spelled)) for name, spelled in bindings.outputs.items()]
        self._gives = [_dtype(bindings.gives[name]) for name in bindings.outputs]
        self._names = list(bindings.outputs)
        self._gives_as_made = self._gives == [dtype for _, dtype in self._outputs]
        self._can_capture = use_graphs
        self._num_buffers = num_buffers
        self._turn = 0
        self._graphs: dict[tuple[int, ...], _Graph] = {}
        self._seen: set[tuple[int, ...]] = set()
        self._own_inputs: Sequence[Tensor] = ()
        self._own_outputs: dict[int, Sequence[Tensor]] = {}

    def __call__(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs by name."""
        tensors = [given[name] for name, _ in self._inputs]
        self._turn = self._next_turn()
        addresses = self._addresses(tensors)
        graph = self._graphs.get((self._turn, *addresses)) or self._graph_of(tensors, addresses)
        if graph is None:
            return self._results(self._run_plain(tensors), are_ours=False)
        for own, tensor in zip(graph.copied, tensors, strict=False):
            own.copy_(tensor.detach() if tensor.requires_grad else tensor)
        graph.replay()
        return self._results(graph.outputs, are_ours=True)

    def again(self, given: Mapping[str, Tensor]) -> Again[Tensor] | None:
        """What calls it once more on whatever lies where `given` does; None where no graph reads that in place."""
        addresses = self._addresses([given[name] for name, _ in self._inputs])
        return partial(self._again, addresses) if addresses and (self._turn, *addresses) in self._graphs else None

    def _again(self, addresses: tuple[int, ...]) -> dict[str, Tensor] | None:
        """Outputs by name; None on another stream, and where the buffer whose turn it is has no graph yet."""
        if not self._queue.is_followed():
            return None
        turn = self._next_turn()
        graph = self._graphs.get((turn, *addresses))
        if graph is None:
            return None
        self._turn = turn
        graph.replay()
        return self._results(graph.outputs, are_ours=True)

    def _next_turn(self) -> int:
        return (self._turn + 1) % self._num_buffers if self._num_buffers else 0

    def _addresses(self, tensors: Sequence[Tensor]) -> tuple[int, ...]:
        """Where the tensors lie; none where the engine cannot read one of them as it is."""
        device, found = self._queue.device, []
        for (_, dtype), tensor in zip(self._inputs, tensors, strict=True):
            address = tensor.data_ptr()
            is_read = tensor.dtype is dtype and tensor.device == device and tensor.is_contiguous()
            if not is_read or address % _ALIGNMENT:
                return ()
            found.append(address)
        return tuple(found)

    def _graph_of(self, tensors: Sequence[Tensor], addresses: tuple[int, ...]) -> _Graph | None:
        """A graph that reads `tensors` in place if they come again, else that of our own buffers; None for none."""
        is_first, come_again = not self._seen, addresses in self._seen
        self._seen = {*self._seen, addresses} if len(self._seen) < _MOST_SEEN else {addresses}
        if is_first or not self._can_capture:
            return None
        has_room = len(self._graphs) <= _MOST_DIRECT * max(self._num_buffers, 1)
        if addresses and come_again and has_room:
            return self._captured((self._turn, *addresses), tensors, copied=())
        if not self._own_inputs:
            self._own_inputs = self._empty(self._inputs)
        return self._captured((self._turn,), self._own_inputs, copied=self._own_inputs)

    def _captured(self, key: tuple[int, ...], reads: Sequence[Tensor], *, copied: Sequence[Tensor]) -> _Graph | None:
        if key not in self._graphs:
            if self._turn not in self._own_outputs:
                self._own_outputs[self._turn] = self._empty(self._outputs)
            outputs = self._own_outputs[self._turn]
            self._set_addresses(reads, outputs)
            replay = self._queue.captured(self._context.execute_async_v3)
            self._can_capture = replay is not None
            if replay is None:
                return None
            self._graphs[key] = _Graph(replay=replay, copied=copied, outputs=outputs)
        return self._graphs[key]

    def _run_plain(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        device = self._queue.device
        taken = [_as_read(tensor, dtype, device) for (_, dtype), tensor in zip(self._inputs, tensors, strict=True)]
        outputs = self._empty(self._outputs)
        self._set_addresses(taken, outputs)
        if not self._queue.run(self._context.execute_async_v3):
            raise _failed()
        return outputs

    def _results(self, outputs: Sequence[Tensor], *, are_ours: bool) -> dict[str, Tensor]:
        """Results in the types that are given; what lies in buffers that are written to again is copied."""
        copies = are_ours and not self._num_buffers
        if self._gives_as_made:
            return dict(zip(self._names, map(Tensor.clone, outputs) if copies else outputs, strict=True))
        return {
            name: output.to(gives) if gives is not dtype else output.clone() if copies else output
            for (name, dtype), gives, output in zip(self._outputs, self._gives, outputs, strict=True)
        }

    def _empty(self, tensors: Sequence[tuple[str, torch.dtype]]) -> Sequence[Tensor]:
        # What is made under inference mode could not be written to outside of it.
        with torch.inference_mode(mode=False):
            return [
                torch.empty(tuple(self._context.get_tensor_shape(name)), dtype=dtype, device=self._queue.device)
                for name, dtype in tensors
            ]

    def _set_addresses(self, taken: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        for (name, _), tensor in zip([*self._inputs, *self._outputs], [*taken, *outputs], strict=True):
            if not self._context.set_tensor_address(name, tensor.data_ptr()):
                raise _failed()


def _as_read(tensor: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The tensor as the engine reads it: of its type, on its device, in one piece at an address that it takes."""
    ready = tensor.detach().to(device, dtype).contiguous()
    return ready if ready.data_ptr() % _ALIGNMENT == 0 else ready.clone()


def _dtype(spelled: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, spelled)
    return dtype


def _failed() -> SessionError:
    return SessionError("TensorRT could not start the engine. Free device memory, and load the engine again.")
