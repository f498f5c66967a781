"""Work on a CUDA device that is put there at once, as a CUDA graph, once its shapes come again."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

__all__ = ["Replayed"]

_WAITS = "synchronizing CUDA operation"


class Replayed:
    """`work` on tensors of `device`; of the third call with one shape on, the calls cost the host next to nothing.

    The first runs as it is, which also tells whether anything in it waits for the device: such work, and any on another
    device, runs as it is always.
    """

    def __init__(self, work: Callable[[Sequence[Tensor]], Tensor], *, device: torch.device) -> None:
        self._work = work
        self._can_replay = device.type == "cuda"
        self._shapes: list[torch.Size] = []
        self._graph: torch.cuda.CUDAGraph | None = None
        self._feed: list[Tensor] = []
        self._result: Tensor | None = None

    def __call__(self, feed: Sequence[Tensor]) -> Tensor:
        """What `work` gives, in memory of its own."""
        shapes = [tensor.shape for tensor in feed]
        if not self._can_replay:
            return self._work(feed)
        if shapes != self._shapes:
            self._shapes, self._graph = shapes, None
            return self._tried(feed)
        if self._graph is None and not self._capture(feed):
            return self._work(feed)
        return self._replay(feed)

    def _tried(self, feed: Sequence[Tensor]) -> Tensor:
        """What `work` gives; whether it waited for the device is known then."""
        before = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                result = self._work(feed)
            finally:
                torch.cuda.set_sync_debug_mode(before)
        # A capture that fails may leave torch's generator of random numbers unusable: it is not even begun.
        self._can_replay = not any(_WAITS in str(each.message) for each in said)
        return result

    def _capture(self, feed: Sequence[Tensor]) -> bool:
        """Whether the work could be captured, on memory that each call's `feed` is copied to."""
        self._feed = [tensor.clone() for tensor in feed]
        graph = torch.cuda.CUDAGraph()
        try:
            # Other threads (a loader that pins memory) may call CUDA meanwhile.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._result = self._work(self._feed)
        except RuntimeError:  # torch's error for whatever CUDA refuses to capture
            self._can_replay = False
            return False
        self._graph = graph
        return True

    def _replay(self, feed: Sequence[Tensor]) -> Tensor:
        if self._graph is None or self._result is None:
            raise RuntimeError("nothing was captured yet.")
        for kept, tensor in zip(self._feed, feed, strict=True):
            kept.copy_(tensor)
        self._graph.replay()
        return self._result.clone()
