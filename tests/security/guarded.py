"""A reader held to its promises: an answer or an error of ours, in little time and memory, and nowhere else."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_trt.errors import LightningTRTError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["OUTSIDE", "outcome_of"]

OUTSIDE = "outside"
"""Name of the folder that no reader may look into, or write to."""

_MEMORY_BYTES = 1 << 30
_SECONDS = 10.0
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_opened: list[tuple[str, bool]] = []
_is_watching = False


class _TooLongError(BaseException):
    """Not an Exception, so that nobody takes it for a damaged file."""


def outcome_of(read: Callable[[], str], *, home: Path) -> tuple[str, str | None]:
    """What came of it, or the name of an error, and which promise was broken, or None.

    `home` is the only folder that may be written to, beside temporary ones of our own.
    """
    _opened.clear()
    try:
        with _bounded(), _watched(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome, broken = read(), None
    except LightningTRTError as error:
        outcome, broken = type(error).__name__, _why_no_sentence(str(error))
    except (_TooLongError, Exception) as error:  # noqa: BLE001 - that there is none is what is tested
        outcome = type(error).__name__
        broken = "".join(traceback.format_exception(error))[-1500:]
    return outcome, broken or _trespass(home)


def _why_no_sentence(text: str) -> str | None:
    if len(text) > 5000:
        return f"the error has {len(text)} characters: {text[:300]}"
    return None if text.rstrip().endswith((".", "?")) else f"no sentence: {text[:300]}"


def _trespass(home: Path) -> str | None:
    own = (str(home), str(Path(tempfile.gettempdir()) / ".lightning-trt."), os.devnull)
    for path, is_written in _opened:
        place = os.path.realpath(path)
        if Path(place).parent.name == OUTSIDE or (is_written and not place.startswith(own)):
            return f"opened {place} to {'write' if is_written else 'read'}"
    return "code of the file ran" if (home / OUTSIDE / "ran").exists() else None


@contextmanager
def _bounded() -> Iterator[None]:
    """A block that may take so much processor time, and so much memory more than there is."""

    def too_long(*_: object) -> None:
        raise _TooLongError(f"more than {_SECONDS} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGVTALRM, too_long)
    resource.setrlimit(resource.RLIMIT_AS, (now + _MEMORY_BYTES, hard))
    # Time of the processor: other work on the machine is not the reader's fault.
    signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def _watched() -> Iterator[None]:
    """A block of which every file that it opens is known."""
    global _is_watching  # noqa: PLW0603 - a hook cannot be taken away again
    _is_watching = True
    try:
        yield
    finally:
        _is_watching = False


def _notice(event: str, arguments: tuple[Any, ...]) -> None:
    if _is_watching and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        _opened.append((os.fsdecode(arguments[0]), bool((arguments[2] or 0) & _WRITES)))


sys.addaudithook(_notice)
