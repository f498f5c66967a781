"""A format that we read: real files of it, spoilt, and how they are read."""

from __future__ import annotations

import shutil
from random import Random
from typing import TYPE_CHECKING, Protocol

from security.guarded import OUTSIDE, outcome_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Format", "attempt"]


class Format(Protocol):
    """One kind of file, or of folder."""

    def spoil(self, into: Path, rng: Random) -> str:
        """What was done; `into`, an empty folder, holds files of the format that are spoilt by it."""
        ...

    def read(self, folder: Path) -> str:
        """What came of reading and using what `spoil` left in `folder`; raises unless it was right."""
        ...


def attempt(kind: Format, *, seed: int, home: Path) -> tuple[str, str, str | None]:
    """What was done in case `seed`, what came of it, and which promise was broken, or None.

    `home` must be a folder of the caller's; nothing of the case is left in it.
    """
    rng = Random(seed)  # noqa: S311 - no secret
    (home / OUTSIDE).mkdir(exist_ok=True)
    (home / OUTSIDE / "secret").write_bytes(b"secret")
    folder = home / "given" / "run"
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    said = kind.spoil(folder, rng)
    outcome, broken = outcome_of(lambda: kind.read(folder), home=home)
    return said, outcome, broken
