"""One at a time on a device: builds that time kernels, and calls that are timed."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.protocols import OnDevice
from lightning_trt.storage import locked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_trt.protocols import Backend

__all__ = ["alone_on"]

_PATIENCE_SECONDS = 24 * 60 * 60.0
"""Others may have many engines to build."""

_EVERYBODY = 0o666


@contextmanager
def alone_on(backend: Backend) -> Iterator[None]:
    """The block, while no other process of this machine is in one for the same device of `backend`.

    What two builds measure at once is how they disturb each other. A backend without a device of its own does not wait.
    The lock lies in the temporary folder, which processes in different containers do not share.

    Raises:
        StorageError: Another process was on the device for a day, or the lock file cannot be written.
    """
    device = backend.device() if isinstance(backend, OnDevice) else None
    if device is None:
        yield
        return
    name = re.sub(r"[^\w-]", "-", device)
    path = Path(tempfile.gettempdir(), f"lightning-trt-{name}")
    with locked(path, timeout_seconds=_PATIENCE_SECONDS, mode=_EVERYBODY):
        yield
