"""The cache: what one run computed and another may take over, found by a digest of all that it depends on.

Nothing here knows what entries mean. A kind is a path of its own, `statistics/1f0c...`, a key a digest; an entry is a
folder `<cache>/<kind>/<key>` that stands there whole or not at all, sealed with the digests of its files. What is not
sealed, or sealed by another version, is as if it were not there, and is replaced.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from lightning_trt.errors import StorageError
from lightning_trt.storage.digests import sha256_of
from lightning_trt.storage.documents import json_of
from lightning_trt.storage.locks import locked
from lightning_trt.storage.names import is_inside
from lightning_trt.storage.siblings import clean_leftovers, remove
from lightning_trt.storage.whole import whole_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CACHE_VARIABLE", "Cache", "cache_at"]

CACHE_VARIABLE = "LIGHTNING_TRT_CACHE"
"""Environment variable that places the cache, or with `off` switches it off, where no setting does."""

_OFF = ("off", "false")  # YAML 1.1 takes a bare `off` for false
_SEAL = "entry.json"
_VERSION = 1
_LIMIT_BYTES = 10 << 30


def cache_at(place: str | None) -> Cache | None:
    """The cache in the folder `place`, or None where it is `off`.

    `place` None takes the environment variable `LIGHTNING_TRT_CACHE`, else `lightning-trt` in the user's cache folder.

    Example:
        >>> from lightning_trt.storage import cache_at
        >>> cache_at("off") is None
        True
        >>> cache_at("/scratch/cache").folder.name
        'cache'
    """
    asked = place or os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("lightning-trt", appauthor=False)
    return None if str(asked).lower() in _OFF else Cache(folder=Path(asked).expanduser().absolute())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Entries by kind and key; once more than `limit_bytes` are kept, those go that were not used for longest.

    Several processes may use one at once.

    Example::

        cache = Cache(folder=Path("cache"))
        if (entry := cache.find("graphs", key)) is None:
            entry = cache.add("graphs", key, lambda into: save(model, into / "model.onnx"))
    """

    folder: Path
    limit_bytes: int = _LIMIT_BYTES

    def find(self, kind: str, key: str) -> Path | None:
        """The folder of a whole entry, every file of it as it was written; None where there is none."""
        entry = self.folder / kind / key
        files = _sealed(entry)
        if not files or not all(_is_whole(entry / name, digest) for name, digest in files.items()):
            return None
        with suppress(OSError):
            os.utime(entry / _SEAL)
        return entry

    def keys(self, kind: str) -> tuple[str, ...]:
        """Keys of the sealed entries of a kind, sorted; their files were not looked at."""
        return tuple(sorted(seal.parent.name for seal in self._seals(self.folder / kind, "*/")))

    def add(self, kind: str, key: str, fill: Callable[[Path], object]) -> Path:
        """The folder of the entry, after `fill` wrote its files into the folder that it was given.

        Where the entry stands already `fill` is not called: equal keys have equal content. When it raises, nothing was
        added.

        Raises:
            StorageError: The cache cannot be written.
        """
        entry = self.folder / kind / key
        _create(entry.parent)
        clean_leftovers(entry.parent)
        with locked(entry):
            if self.find(kind, key) is None:
                with whole_folder(entry) as into:
                    fill(into)
                    _seal(into)
        self._make_room()
        return entry

    def discard(self, kind: str, key: str) -> None:
        """Nothing; the entry is gone, as far as the system lets it: its reader could not use it."""
        remove(self.folder / kind / key)

    @contextmanager
    def alone(self, kind: str, *, timeout_seconds: float = 600.0) -> Iterator[None]:
        """A block in which no other process is in one for the same kind: who comes second finds what the first added.

        Raises:
            StorageError: Another process was in it for longer than `timeout_seconds`, or the cache cannot be written.
        """
        path = self.folder / kind
        _create(path.parent)
        with locked(path, timeout_seconds=timeout_seconds):
            yield

    def _make_room(self) -> None:
        """Nothing; entries that were not used for longest are gone, as far as the limit wants it."""
        # What another process removes meanwhile is no longer there to be looked at; the next one makes the room.
        with suppress(OSError):
            seals = sorted(self._seals(self.folder, "**/"), key=_last_use, reverse=True)
            kept = 0
            for seal in seals:
                kept += sum(_size(path) for path in seal.parent.rglob("*"))
                if kept > self.limit_bytes and seal != seals[0]:
                    remove(seal.parent)

    def _seals(self, folder: Path, depth: str) -> list[Path]:
        # A hidden folder is being written, or was left by a process that died.
        return [seal for seal in folder.glob(f"{depth}{_SEAL}") if not seal.parent.name.startswith(".")]


def _seal(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}
    write_whole(folder / _SEAL, json.dumps({"version": _VERSION, "files": digests}))


def _sealed(entry: Path) -> dict[str, str] | None:
    """Digests by file name, as the seal says; None where there is no seal of this version."""
    try:
        seal: Any = json_of((entry / _SEAL).read_text(encoding="utf-8"))
        files: dict[str, str] | None = seal["files"] if seal["version"] == _VERSION else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return files if isinstance(files, dict) and all(map(is_inside, files)) else None


def _is_whole(path: Path, digest: str) -> bool:
    try:
        return sha256_of(path) == digest
    except StorageError:
        return False


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot create the cache folder {folder}: {error.strerror or error}. Name another one (cache=..., or the "
            f"environment variable {CACHE_VARIABLE}), or switch the cache off (cache='off')."
        ) from error


def _last_use(seal: Path) -> float:
    try:
        return seal.stat().st_mtime
    except OSError:  # another process made room
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # the same
        return 0
