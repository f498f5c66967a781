"""Folders of engines that nobody was given: they live as long as the modules that run what is in them."""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp

__all__ = ["Home"]


class Home:
    """A temporary folder, `path`, which is removed when nobody holds this object any more.

    Example:
        >>> from lightning_trt.compat.homes import Home
        >>> home = Home()
        >>> path = home.path
        >>> del home
        >>> path.exists()
        False
    """

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="lightning-trt-"))
        # TemporaryDirectory would warn of it; here it is meant so.
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
