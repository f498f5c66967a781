"""One writer at a time."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["locked"]


@contextmanager
def locked(path: Path | str, *, timeout_seconds: float = 600.0, mode: int = 0o644) -> Iterator[Path]:
    """`path`, while no other process holds it through this function; `path` itself need not exist.

    The lock is a file `.<name>.lock` beside `path`, which those may take whom `mode` lets write it. It ends with the
    process that holds it, killed or not.

    Raises:
        StorageError: Another process held it for longer than `timeout_seconds`, or the lock file cannot be written.
    """
    # Imported here: filelock brings asyncio, and readers of reports start without both.
    from filelock import FileLock, Timeout  # noqa: PLC0415 - see above

    target = Path(path)
    lock = FileLock(target.parent / f".{target.name}.lock", timeout=timeout_seconds, mode=mode)
    try:
        lock.acquire()
    except Timeout as error:
        raise StorageError(
            f"{target} has been held by another process for {timeout_seconds:g} s. Wait for it, end it, or write to "
            "another folder."
        ) from error
    except OSError as error:
        raise StorageError(
            f"cannot write the lock file {lock.lock_file}: {error.strerror or error}. Create the folder and make it "
            "writable, or write to another one."
        ) from error
    try:
        yield target
    finally:
        lock.release()
