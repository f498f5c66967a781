"""Part `kills`: kill -9 in the middle of exports, fits and sweeps; then every file with its final name is whole.

Half of the kills come after a random time, half at a random moment of the code that writes files, which takes too
little time to be met by chance.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
from faults import Room
from patient import Net, Rows, exported, settings, trainer_of
from trial import fitted, forked
from wholeness import broken, leftovers

import lightning_trt
from lightning_trt.cli import main
from lightning_trt.storage import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

__all__ = ["Killer"]

_STORAGE = str(Path(lightning_trt.__file__).parent / "storage")
_BEGAN = "began"
_FRESH = 0.3


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What is killed: `do` in a room, from when the file `began` is there."""

    name: str
    do: Callable[[Room], None]


def _begin(room: Room) -> None:
    (room.root / _BEGAN).touch()


def _export(room: Room) -> None:
    _begin(room)
    _export_fresh(room)


def _export_fresh(room: Room) -> None:
    options: dict[str, Any] = settings(room.root, formats=("markdown", "junit"))
    lightning_trt.export(Net(), Rows(room.data), checkpoint=room.checkpoint, **options)


class _Beginning(pl.Callback):
    """Says when training is over: before that it is not we who write."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        _begin(self._room)


def _fit(room: Room) -> None:
    callbacks = (_Beginning(room), exported(room.root, formats=("markdown", "junit")))
    trainer = trainer_of(room.root, *callbacks, logger=False)
    trainer.fit(Net(), datamodule=Rows(room.data))


def _sweep(room: Room) -> None:
    _begin(room)
    os.chdir(room.root)
    words = (
        *("export", "-m", str(room.checkpoint), "precision=fp32,int8", "calibrator=minmax", "formats=[markdown,junit]"),
        *("latency.batch_sizes=[1]", "latency.warmup_seconds=0.001", "latency.seconds=0.001", "build.threads=1"),
        *("calibration.samples=16", "validation.resamples=50", "gate.max_drop=0.9", f"cache={room.cache}"),
        *(f"datamodule.folder={room.data}", f"hydra.sweep.dir={room.results / 'sweep'}"),
    )
    if main(list(words)) != 0:
        raise SystemExit(1)


_WORKS = {
    each.name: each
    for each in (_Work(name="export", do=_export), _Work(name="fit", do=_fit), _Work(name="sweep", do=_sweep))
}


class Killer:
    """Rooms, one for each work, in which it is killed again and again, and now and then let finish."""

    def __init__(self, names: Iterable[str], *, seconds: float, seed: int) -> None:
        self._seconds = seconds
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._home = tempfile.TemporaryDirectory(prefix="torture-")
        self._rooms = {name: Room(root=Path(self._home.name) / name) for name in names}
        self._took: dict[str, float] = {}
        self._moments: dict[str, int] = {}
        self._digests: dict[str, str] = {}
        first = Room(root=Path(self._home.name) / "first")
        fitted(first)
        for name, room in self._rooms.items():
            room.root.mkdir()
            shutil.copytree(first.root / "checkpoints", room.root / "checkpoints")
            (room.root / "tmp").mkdir()
            self._measure(name)

    def killed(self, name: str, *, while_writing: bool) -> tuple[bool, list[str]]:
        """Whether the work was met alive, and a sentence for each promise that was broken."""
        room = self._rooms[name]
        if self._random.random() < _FRESH:
            # A sweep does not run again what is finished.
            shutil.rmtree(room.results / "sweep", ignore_errors=True)
        kill_after = None if while_writing else self._random.uniform(0, self._took[name])
        moment = self._random.randint(1, self._moments[name]) if while_writing else -1
        ended = self._done(name, kill_after=kill_after, moment=moment)
        found = broken(room.results, room.cache)
        if sha256_of(room.checkpoint) != self._digests[name]:
            found.append("the checkpoint was changed")
        if ended not in {"SIGKILL", "done"}:
            found.append(f"the run after a kill ended by {ended}: {self._log(room)}")
        return ended == "SIGKILL", found

    def finished(self, name: str) -> list[str]:
        """What is wrong when the work is let finish after all those kills."""
        room = self._rooms[name]
        ended = self._done(name)
        found = broken(room.results, room.cache)
        found += [f"left behind: {each}" for each in leftovers(room.results, room.cache)]
        found += [
            f"left behind in the folder for temporary files: {path.name}" for path in (room.root / "tmp").iterdir()
        ]
        return found + ([] if ended == "done" else [f"the run after the kills ended by {ended}: {self._log(room)}"])

    def _measure(self, name: str) -> None:
        """Nothing; how long the work takes, and how many moments of writing it has, is known."""
        room, started = self._rooms[name], time.monotonic()
        if (ended := self._done(name)) != "done":
            raise RuntimeError(f"{name} ended by {ended}: {self._log(room)}")
        self._took[name] = time.monotonic() - started
        shutil.rmtree(room.results)
        self._moments[name] = 1
        self._done(name, moment=0)
        self._moments[name] = int((room.root / "moments").read_text())
        self._digests[name] = sha256_of(room.checkpoint)
        shutil.rmtree(room.results)

    def _done(self, name: str, *, kill_after: float | None = None, moment: int = -1) -> str:
        """How the work ended; `moment` 0 counts the moments of writing, above that one is fatal."""
        room = self._rooms[name]
        (room.root / _BEGAN).unlink(missing_ok=True)
        (room.root / "log.txt").unlink(missing_ok=True)

        def work() -> None:
            tempfile.tempdir = str(room.root / "tmp")
            os.environ["TMPDIR"] = tempfile.tempdir
            writing = _Writing(moment, room.root / _BEGAN)
            if moment >= 0:
                sys.setprofile(writing)
            _WORKS[name].do(room)
            sys.setprofile(None)
            (room.root / "moments").write_text(str(writing.seen))

        return forked(
            work, log=room.root / "log.txt", seconds=self._seconds, kill_after=kill_after, since=room.root / _BEGAN
        )

    def _log(self, room: Room) -> str:
        return (room.root / "log.txt").read_text(errors="replace")[-2000:]


class _Writing:
    """A profile function that counts what the storage room does, and kills its process at one count."""

    def __init__(self, moment: int, began: Path) -> None:
        self.seen = 0
        self._moment = moment
        self._began = began
        self._counts = False

    def __call__(self, frame: FrameType, _event: str, _argument: object) -> None:
        if not frame.f_code.co_filename.startswith(_STORAGE):
            return
        self._counts = self._counts or self._began.exists()
        self.seen += self._counts
        if self._counts and self.seen == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)
