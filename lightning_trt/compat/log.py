"""TensorRT's log of a build, as far as the user wants to see it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lightning_trt.errors import SettingsError, nearest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["severity_of", "show_log"]

_SEVERITIES = ("INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE")
_FILE = "build.log"


def severity_of(level: object) -> str:
    """Name of a severity: of a member of `tensorrt.Logger.Severity`, or a name.

    Raises:
        SettingsError: There is no such severity.

    Example:
        >>> from lightning_trt.compat.log import severity_of
        >>> severity_of("warning")
        'WARNING'
    """
    name = str(getattr(level, "name", level)).upper()
    if name not in _SEVERITIES:
        raise SettingsError(f"log_level={level!r} is no severity of TensorRT's log. {nearest(name, _SEVERITIES)}")
    return name


def show_log(folder: Path, level: object) -> None:
    """Nothing; the lines of the build in `folder` of that severity and above are on stderr."""
    shown = _SEVERITIES[: _SEVERITIES.index(severity_of(level)) + 1]
    lines = (folder / _FILE).read_text(encoding="utf-8").splitlines()
    sys.stderr.writelines(f"{line}\n" for line in lines if line[1:].partition("]")[0] in shown)
