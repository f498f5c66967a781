"""On which CUDA stream an engine works, and CUDA graphs of what it does."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["Streams"]

_HERE = nullcontext()


class Streams:
    """The streams of one session on one device; its work is in one order, whichever stream a caller is on.

    Work goes to the caller's stream. Where that is the default stream TensorRT would synchronize the whole device, so
    that it goes to a stream of our own, which waits for the caller's, and the caller's for it.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._own = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._last = self._own
        self._last_handle: int = self._own.cuda_stream

    def ordered(self) -> AbstractContextManager[object]:
        """Device and order for one call: what was put on another stream before is waited for."""
        if torch.cuda.current_device() != self.device.index:
            return self._ordered_elsewhere()
        # Handles are compared: to make a torch.cuda.Stream of one costs more than the rest of a call.
        if _current_handle(self.device.index) != self._last_handle:
            self._follow()
        return _HERE

    def is_followed(self) -> bool:
        """Whether the caller is on the stream that the last work was ordered on, so that nothing need be waited for."""
        return bool(_current_handle(self.device.index) == self._last_handle)

    def run(self, enqueue: Callable[[int], bool]) -> bool:
        """What `enqueue` answers, after it put its work on the stream whose handle it got."""
        current = torch.cuda.current_stream()
        if current.cuda_stream != 0:
            return enqueue(current.cuda_stream)
        self._own.wait_stream(current)
        done = enqueue(self._own.cuda_stream)
        current.wait_stream(self._own)
        return done

    def finish(self) -> None:
        """Nothing; all that was put on the device is done."""
        torch.cuda.synchronize(self.device)

    def captured(self, enqueue: Callable[[int], bool]) -> Callable[[], None] | None:
        """What puts the same work on the caller's stream again; None where the work cannot be captured."""
        graph = torch.cuda.CUDAGraph()
        torch.cuda.current_stream().synchronize()
        try:
            # Other threads (a loader that pins memory) may call CUDA meanwhile.
            with torch.cuda.graph(graph, stream=self._own, capture_error_mode="thread_local"):
                done = enqueue(self._own.cuda_stream)
        except RuntimeError:  # torch's error for whatever CUDA refuses to capture
            return None
        return graph.replay if done else None

    @contextmanager
    def _ordered_elsewhere(self) -> Iterator[None]:
        with torch.cuda.device(self.device):
            if _current_handle(self.device.index) != self._last_handle:
                self._follow()
            yield

    def _follow(self) -> None:
        current = torch.cuda.current_stream()
        # All contexts of a session share their scratch memory.
        current.wait_stream(self._last)
        self._last, self._last_handle = current, current.cuda_stream


def _current_handle(device: int) -> int:
    """Handle of the stream that this thread is on."""
    return torch._C._cuda_getCurrentRawStream(device)  # noqa: SLF001 - what the code that torch.compile writes calls, too
