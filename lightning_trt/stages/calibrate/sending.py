"""Blocks on their way to the device, while the host puts the next one together."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["Sender"]

_NUM_WAITING = 3
"""Blocks of one shape that may wait: without a limit the host would run ahead, in ever more pinned memory."""


class Sender:
    """Copies of arrays on `device`; to a CUDA device through pinned memory that is used again.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> from lightning_trt.stages.calibrate.sending import Sender
        >>> Sender(torch.device("cpu"))(np.ones(2, np.float32))
        tensor([1., 1.])
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._waiting: dict[tuple[torch.Size, torch.dtype], deque[tuple[Tensor, torch.cuda.Event]]] = defaultdict(deque)

    def __call__(self, array: NDArray[np.generic]) -> Tensor:
        """The array on the device; the host waits only where several of its shape are still on their way."""
        tensor = torch.from_numpy(array)
        if self._device.type != "cuda":
            return tensor.to(self._device)
        waiting = self._waiting[tensor.shape, tensor.dtype]
        if len(waiting) < _NUM_WAITING:
            pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            copied = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        else:
            pinned, copied = waiting.popleft()
            copied.synchronize()
        pinned.copy_(tensor)
        sent = pinned.to(self._device, non_blocking=True)
        copied.record()
        waiting.append((pinned, copied))
        return sent
