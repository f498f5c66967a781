"""Folders for a while, in the system's place for them, named so that a later process can tell whose leftover one is."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.storage.siblings import PARTIAL, clean_leftovers, remove, sibling_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["clean_temporary", "made_temporary_folder", "temporary_folder"]


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """An empty folder that nobody else may read; it is gone after the block.

    Raises:
        OSError: It cannot be made: there is no place for temporary files, or no room in it.
    """
    folder = made_temporary_folder()
    try:
        yield folder
    finally:
        remove(folder)


def made_temporary_folder() -> Path:
    """The same, for its maker to remove; where the process is killed, `clean_temporary` of a later one does.

    Raises:
        OSError: It cannot be made.
    """
    folder = sibling_of(Path(tempfile.gettempdir()) / "lightning-trt", state=PARTIAL)
    folder.mkdir(mode=0o700)
    return folder


def clean_temporary() -> tuple[Path, ...]:
    """The temporary folders that dead processes of this host left; they are gone afterwards."""
    return clean_leftovers(tempfile.gettempdir())
