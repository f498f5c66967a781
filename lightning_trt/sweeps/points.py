"""The points of a sweep, as their folders tell: whichever launcher ran them, and however they ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.errors import ReportError
from lightning_trt.renderers import json
from lightning_trt.storage import yaml_of

if TYPE_CHECKING:
    from lightning_trt.artifacts import Report

__all__ = ["FAILURE", "SAME", "TOLD", "Point", "points_of"]

FAILURE = "failure.txt"
"""Name of the file in a point's folder that says why it failed."""

SAME = "same_as.txt"
"""Name of the file in a point's folder that names the point whose results are its own, as it was told the same."""

TOLD = "overrides.yaml"
"""Name of the file in a finished point's folder that says what it was told: another sweep may replace Hydra's own."""

_OVERRIDES = Path(".hydra", "overrides.yaml")
_UNFINISHED = "It ended, or was ended, before it could write a report; its log may say why."


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One job of a sweep: what it was told, its reports, and why it has none or failed all the same.

    One that was told the same as another point has no report of its own: `same_as` is that point's name.
    """

    folder: Path
    overrides: tuple[str, ...]
    reports: tuple[Report, ...]
    why: str | None
    same_as: str | None = None

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name


def points_of(sweep: Path) -> tuple[Point, ...]:
    """The points below the folder of a sweep, in the order of their numbers.

    A folder is a point's where Hydra wrote down what the job was told.
    """
    folders = [path.parents[1] for path in sweep.rglob(str(_OVERRIDES))]
    return tuple(_point_at(folder) for folder in sorted(folders, key=_number))


def _number(folder: Path) -> tuple[int, str]:
    return (int(folder.name) if folder.name.isdecimal() else 0, str(folder))


def _point_at(folder: Path) -> Point:
    failure = folder / FAILURE
    read = [_read(path) for path in sorted(folder.rglob("report.json"))]
    reports = tuple(each for each in read if not isinstance(each, str))
    reasons = [failure.read_text(encoding="utf-8", errors="replace").strip()] if failure.is_file() else []
    same = (folder / SAME).read_text(encoding="utf-8", errors="replace") if (folder / SAME).is_file() else None
    reasons += [each for each in read if isinstance(each, str)] + ([] if read or same else [_UNFINISHED])
    overrides = folder / TOLD if (folder / TOLD).is_file() else folder / _OVERRIDES
    return Point(
        folder=folder,
        overrides=_told(overrides),
        reports=reports,
        why=reasons[0] if reasons else None,
        same_as=same,
    )


def _told(path: Path) -> tuple[str, ...]:
    """What the file says that the job was told; nothing where it cannot be read."""
    try:
        told = yaml_of(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return tuple(map(str, told)) if isinstance(told, list) else ()


def _read(path: Path) -> Report | str:
    """The report at `path`, or why it cannot be read."""
    try:
        return json.from_text(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError, ReportError) as error:
        return str(error)
