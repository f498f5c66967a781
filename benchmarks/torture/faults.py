"""The faults: errors as they are raised, and disks, files and processes as they really fail."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ERRORS", "HANG", "KINDS", "STOPS", "Room", "can_strike", "cleared", "mounted", "strike_of", "unmounted"]

NAMESPACE = "LIGHTNING_TRT_TORTURE_MOUNTS"
"""Environment variable that says whether mounts are `ours` alone, or `none` are allowed."""

HANG = "hanging build"
_DISK = "9m"


@dataclass(frozen=True, kw_only=True)
class Room:
    """Where one trial happens."""

    root: Path

    @property
    def results(self) -> Path:
        """What `dirpath` names."""
        return self.root / "trt"

    @property
    def cache(self) -> Path:
        """What runs share."""
        return self.root / "cache"

    @property
    def checkpoint(self) -> Path:
        """The best one."""
        return self.root / "checkpoints" / "best.ckpt"

    @property
    def data(self) -> Path:
        """The validation data."""
        return self.root / "data"


def _raise(error: type[BaseException]) -> Callable[[Room], None]:
    def strike(_room: Room) -> None:
        raise error("struck on purpose")

    return strike


def _fill(folder: Path) -> None:
    """Nothing; the disk under `folder` has no byte left."""
    with (folder / "filler").open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)


def _forbid_writing(folder: Path) -> None:
    """Nothing; `folder` is another mount of itself from now on, which can only be read."""
    _mount("--bind", str(folder), str(folder))
    _mount("-o", "remount,bind,ro", str(folder))


def _hang(room: Room) -> None:
    """Nothing; a process that is started from now on and wants onnxruntime waits for ever."""
    shadow = room.root / "shadow"
    shadow.mkdir()
    (shadow / "onnxruntime.py").write_text("import time\ntime.sleep(3600)\n")
    sys.path.insert(0, str(shadow))


def _signal(number: signal.Signals) -> Callable[[Room], None]:
    return lambda _room: os.kill(os.getpid(), number)


_STRIKES: dict[str, Callable[[Room], None]] = {
    "exception": _raise(RuntimeError),
    "MemoryError": _raise(MemoryError),
    "full disk": lambda room: _fill(room.results),
    "read-only folder": lambda room: _forbid_writing(room.results),
    "full cache": lambda room: _fill(room.cache),
    "read-only cache": lambda room: _forbid_writing(room.cache),
    "vanished checkpoint": lambda room: room.checkpoint.unlink(),
    "vanished data": lambda room: shutil.rmtree(room.data),
    HANG: _hang,
    "SystemExit": _raise(SystemExit),
    "KeyboardInterrupt": _raise(KeyboardInterrupt),
    "SIGTERM": _signal(signal.SIGTERM),
    "SIGKILL": _signal(signal.SIGKILL),
}
_ON_DISKS = {"full disk", "read-only folder", "full cache", "read-only cache"}
KINDS = tuple(_STRIKES)
ERRORS = ("exception", "MemoryError")
STOPS = ("SystemExit", "KeyboardInterrupt", "SIGTERM", "SIGKILL")


def can_strike(kind: str) -> bool:
    """Whether this machine lets us: disks of our own need a namespace for their mounts."""
    return kind not in _ON_DISKS or os.environ.get(NAMESPACE) == "ours"


def strike_of(kind: str, room: Room) -> Callable[[], None]:
    """What makes the fault happen, when it is called in the process that is to suffer it."""
    return lambda: _STRIKES[kind](room)


def mounted(kind: str, room: Room) -> None:
    """Nothing; the folders have the disk that the fault needs."""
    for folder in (room.results, room.cache):
        folder.mkdir(parents=True, exist_ok=True)
    if kind in {"full disk", "full cache"}:
        _mount(
            "-t", "tmpfs", "-o", f"size={_DISK}", "torture", str(room.results if kind == "full disk" else room.cache)
        )


def unmounted(room: Room) -> None:
    """Nothing; the folders can be written to again, as when somebody has made room."""
    for folder in (room.results, room.cache):
        while os.statvfs(folder).f_flag & os.ST_RDONLY:
            _unmount(folder)
        (folder / "filler").unlink(missing_ok=True)


def cleared(room: Room) -> None:
    """Nothing; nothing is mounted in the room any longer."""
    folders = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    for folder in reversed(folders):
        if folder.startswith(f"{room.root}/"):
            _unmount(Path(folder))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stdin=subprocess.DEVNULL)


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
