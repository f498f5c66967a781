"""Records beyond what memory is given for: on disk, until they are asked for."""

from __future__ import annotations

import tempfile
from typing import IO, Any
from weakref import finalize

import torch

__all__ = ["Spill"]


class Spill:
    """A nameless file of nests of tensors, each read back by the place that writing it gave.

    The file is made with the first nest, in the folder for temporary files, and goes with the spill.

    Example:
        >>> import torch
        >>> from lightning_trt.replay.spilling import Spill
        >>> spill = Spill()
        >>> first, second = spill.put({"x": torch.arange(3)}), spill.put(torch.zeros(1))
        >>> spill.get(first), spill.get(second)
        ({'x': tensor([0, 1, 2])}, tensor([0.]))
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def put(self, nest: Any) -> int:
        """The place of `nest` in the file.

        Raises:
            OSError: The disk is full, or there is no folder for temporary files.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="lightning-trt-")  # noqa: SIM115 - open as long as the spill
            finalize(self, self._file.close)
        place = self._file.seek(0, 2)
        torch.save(nest, self._file)
        return place

    def get(self, place: int) -> Any:
        """What was put at `place`."""
        assert self._file is not None  # noqa: S101 - a place comes from `put`
        self._file.seek(place)
        # Written by this very process, so that nothing foreign is unpickled.
        return torch.load(self._file, weights_only=False)
