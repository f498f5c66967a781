"""One live display for the long work.

Whoever makes a `Progress` says whether this rank speaks and whether the terminal is live: nothing here asks Lightning.
It writes to stderr, through a console of its own.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, nullcontext
from threading import Event, Thread
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import TaskID

__all__ = ["Progress", "terminal_is_live"]

_REFRESH_SECONDS = 0.1
_PLAIN_SECONDS = 30.0
_SHORT_SECONDS = 1.0


def terminal_is_live() -> bool:
    """Whether stderr is a terminal that can redraw a line, and nobody only reads a log of it (`CI`, `TERM=dumb`)."""
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


class Progress:
    """How far the long work is: bars on a live terminal, else a line at each step's beginning and a long one's end.

    Without a live terminal a step adds a line every half minute. A Progress that does not speak prints nothing.

    Example::

        progress = Progress(speaks=trainer.is_global_zero, is_live=terminal_is_live())
        with progress.step("Calibrating", total=512) as advance:
            for batch in batches:
                advance(len(batch))
    """

    def __init__(self, *, speaks: bool, is_live: bool, console: Console | None = None) -> None:
        self.speaks = speaks
        self.is_live = is_live and speaks
        self._console = console if console is not None else Console(stderr=True)
        self._bars: Bars | None = None

    def say(self, line: str) -> None:
        """Nothing; `line` stands on the terminal, above the bars."""
        if self.speaks:
            self._console.print(Text(line), soft_wrap=True)

    @contextmanager
    def step(self, title: str, *, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A function to call with the number of units that were just done, while the block is the step `title`.

        `total` is the number of units; None means that there is nothing to count, only time that passes. A step inside
        a step is a second bar.
        """
        if not self.speaks:
            yield _ignore
            return
        started = time.monotonic()
        outcome = "stopped"
        try:
            with self._shown(title, total=total) as advance:
                yield advance
            outcome = "done"
        finally:
            took = time.monotonic() - started
            # In a log the next line already tells that a short step has ended.
            if self.is_live or outcome != "done" or took >= _SHORT_SECONDS:
                self.say(f"{title}: {outcome} in {_seconds(took)}")

    @contextmanager
    def _shown(self, title: str, *, total: int | None) -> Iterator[Callable[[int], None]]:
        if not self.is_live:
            self.say(f"{title} ..." if total is None else f"{title} ({total:,}) ...")
            lines = _Lines(title, total=total, say=self.say)
            with lines.ticking() if total is None else nullcontext():
                yield lines.advance
            return
        with self._live(ticks=total is None) as bars:
            task = bars.add_task(title, total=total)
            try:
                yield _Bar(bars, task).advance
            finally:
                bars.remove_task(task)

    @contextmanager
    def _live(self, *, ticks: bool) -> Iterator[Bars]:
        """The bars on the terminal; those of an outer step where there is one."""
        if self._bars is not None:
            yield self._bars
            return
        # A thread redraws only where nothing is counted, so that a clock ticks: counted steps may fork DataLoader
        # workers, and a fork must not meet a thread that holds the console's lock.
        bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            TimeElapsedColumn(),
            console=self._console,
            auto_refresh=ticks,
            refresh_per_second=4,
            transient=True,
            # Where the user's stdout goes to a file, it must not end up on our stderr.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._bars = bars
        try:
            with bars:
                yield bars
        finally:
            self._bars = None


class _Bar:
    """One bar, redrawn at most ten times a second."""

    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars = bars
        self._task = task
        self._drawn = 0.0

    def advance(self, count: int) -> None:
        """Nothing; `count` more units are done."""
        self._bars.advance(self._task, count)
        now = time.monotonic()
        if now - self._drawn >= _REFRESH_SECONDS:
            self._drawn = now
            self._bars.refresh()


class _Lines:
    """One step without a live terminal: a line every half minute."""

    def __init__(self, title: str, *, total: int | None, say: Callable[[str], None]) -> None:
        self._title = title
        self._of_total = "" if total is None else f" of {total:,}"
        self._say = say
        self._count = 0
        self._started = self._said = time.monotonic()

    def advance(self, count: int) -> None:
        """Nothing; `count` more units are done."""
        self._count += count
        now = time.monotonic()
        if now - self._said >= _PLAIN_SECONDS:
            self._said = now
            what = f"{self._count:,}{self._of_total} after" if self._count else "still at work after"
            self._say(f"{self._title}: {what} {_seconds(now - self._started)}")

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """The block, whose lines go on where it counts nothing: an engine's build is one call of minutes."""
        is_over = Event()

        def tick() -> None:
            while not is_over.wait(_PLAIN_SECONDS):
                self.advance(0)

        thread = Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def _ignore(count: int) -> None:
    """Nothing: this rank does not speak of `count`."""


def _seconds(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
