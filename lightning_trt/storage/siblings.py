"""Temporary siblings: the names under which things are written before they are whole.

A name is `.<name>.<host>-<pid>-<random>.<state>`, so that a later process can tell whose leftover it is.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["PARTIAL", "REPLACED", "clean_leftovers", "remove", "sibling_of"]

PARTIAL = "partial"
"""State of what is being written."""

REPLACED = "replaced"
"""State of a folder that was moved aside, until the new one stands in its place."""

_NAME = re.compile(
    rf"\.(?P<name>.+)\.(?P<host>[0-9a-f]{{8}})-(?P<pid>\d+)-[0-9a-f]{{8}}\.(?P<state>{PARTIAL}|{REPLACED})"
)


class _Leftover(NamedTuple):
    path: Path
    original: Path
    state: str


def sibling_of(path: Path, *, state: str) -> Path:
    """A name beside `path` that nobody else uses, and that tells this process from others."""
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.{state}")


def clean_leftovers(folder: Path | str) -> tuple[Path, ...]:
    """The temporary siblings in `folder` that dead processes of this host left; they are gone afterwards.

    A folder that such a process had moved aside, without putting the new one in its place, is moved back instead.
    """
    found = [left for left in map(_leftover, _entries(Path(folder))) if left is not None]
    for left in found:
        if left.state == REPLACED and not left.original.exists():
            with suppress(OSError):
                left.path.rename(left.original)
        remove(left.path)
    return tuple(left.path for left in found)


def remove(path: Path) -> None:
    """Nothing; the file or folder at `path` is gone, as far as the system lets it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _leftover(path: Path) -> _Leftover | None:
    match = _NAME.fullmatch(path.name)
    if match is None or match["host"] != _host() or _is_alive(int(match["pid"])):
        return None
    return _Leftover(path, path.with_name(match["name"]), match["state"])


def _host() -> str:
    # Process numbers mean nothing on another machine, or in another container, that shares the folder.
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # elsewhere signal 0 is not a question
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
