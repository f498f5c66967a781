"""Data that keeps a process waiting, so that a test can kill it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from zoo import Images

__all__ = ["Slow"]


class Slow(Images):
    """Images that come at once, unless `waits_at` names a file that is not there: the first to look for it waits.

    It writes its process id into that file.
    """

    def __init__(self, *, waits_at: str | None = None) -> None:
        super().__init__()
        self.waits_at = waits_at

    def setup(self, stage: str | None = None) -> None:
        """Wait, or go on."""
        if self.waits_at is not None and not Path(self.waits_at).exists():
            Path(self.waits_at).write_text(str(os.getpid()), encoding="utf-8")
            time.sleep(600)
        super().setup(stage or "validate")
