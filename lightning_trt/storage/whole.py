"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.errors import StorageError
from lightning_trt.storage.siblings import PARTIAL, REPLACED, remove, sibling_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_writable", "removed_on_failure", "reserved", "whole_folder", "write_whole"]

_RESERVE_BYTES = 4 << 20


def write_whole(path: Path | str, content: bytes | str) -> Path:
    """`path`, which then holds `content` (text as UTF-8) and nothing else; its folder is created.

    Raises:
        StorageError: It cannot be written; what stood at `path` before is untouched.
    """
    target = _real(path)
    partial = sibling_of(target, state=PARTIAL)
    data = content.encode() if isinstance(content, str) else content
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_to_disk(partial, data)
        partial.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise _refusal(target, error) from error
    finally:
        remove(partial)
    return Path(path)


@contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """A temporary folder beside `path`; when the block ends it stands at `path`, in place of what was there.

    When the block raises, the temporary folder is removed and what stood at `path` is untouched.

    Raises:
        StorageError: The folder cannot be created or put in its place.
    """
    target = _real(path)
    partial = sibling_of(target, state=PARTIAL)
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise _refusal(target, error) from error
    try:
        yield partial
        _put_in_place(partial, target)
    finally:
        remove(partial)


def check_writable(folder: Path | str) -> Path:
    """`folder`, created if it was not there, after a file was written in it and removed again.

    Raises:
        StorageError: Nothing can be written there; asked before long work, so that it does not fail after it.
    """
    target = _real(folder)
    probe = sibling_of(target / "probe", state=PARTIAL)
    try:
        target.mkdir(parents=True, exist_ok=True)
        _write_to_disk(probe, b"lightning-trt")
    except OSError as error:
        raise _refusal(target, error) from error
    finally:
        remove(probe)
    return Path(folder)


@contextmanager
def removed_on_failure(*paths: Path) -> Iterator[None]:
    """A block that writes `paths`, for what can only be written by a library; when it raises they are gone.

    Raises:
        StorageError: What the system refused.
    """
    try:
        yield
    except BaseException as error:
        for path in paths:
            remove(path)
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            raise _refusal(paths[0], error) from error
        raise


@contextmanager
def reserved(folder: Path | str, *, num_bytes: int = _RESERVE_BYTES) -> Iterator[None]:
    """A block that cannot take the last `num_bytes` of the disk under `folder`: what is written after it has room.

    Raises:
        StorageError: There is no more than that to begin with.
    """
    held = sibling_of(Path(folder) / "room", state=PARTIAL)
    try:
        # Random, as some file systems give no room to zeros.
        _write_to_disk(held, os.urandom(num_bytes))
    except OSError as error:
        remove(held)
        raise _refusal(Path(folder), error) from error
    try:
        yield
    finally:
        remove(held)


def _real(path: Path | str) -> Path:
    # A link stays a link: what it points to is replaced, with temporary names on that file system.
    return Path(os.path.realpath(path))


def _write_to_disk(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _put_in_place(new: Path, target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise StorageError(f"{target} is a file; a folder was to be written there. Remove it, or choose another name.")
    aside = sibling_of(target, state=REPLACED)
    try:
        _sync_all(new)
        with suppress(FileNotFoundError):
            target.rename(aside)
        new.rename(target)
        _sync(target.parent)
    except OSError as error:
        if aside.exists():
            with suppress(OSError):
                aside.rename(target)
        raise _refusal(target, error) from error
    remove(aside)


def _sync_all(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            with Path(parent, name).open("rb") as file:
                os.fsync(file.fileno())
        _sync(Path(parent))


def _sync(folder: Path) -> None:
    # Not every system can sync a folder; the rename is atomic without it.
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _refusal(path: Path, error: OSError) -> StorageError:
    # The system says "File exists" or "Not a directory" of a name that is none of these; say which file is in the way.
    in_the_way = next((parent for parent in path.parents if parent.is_file()), None)
    why = f"{in_the_way} is a file, not a folder" if in_the_way else error.strerror or str(error)
    return StorageError(
        f"cannot write {path}: {why}. It must lie in a folder that this process may write to, with space left. "
        "Free or create it, or choose another one (dirpath=...)."
    )
