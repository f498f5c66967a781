"""The formats by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from security.arrays import StatisticsFiles
from security.caches import CacheEntries, ReferenceResults
from security.checkpoints import Checkpoints
from security.engines import EngineFolders, StateDicts
from security.texts import Baselines, CalibrationCaches, GateFiles, RangesFiles, Reports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from security.formats import Format

__all__ = ["FORMATS"]

FORMATS: Mapping[str, Callable[[Path], Format]] = {
    "report": lambda _: Reports(),
    "baseline": lambda _: Baselines(),
    "gate-yaml": lambda _: GateFiles(),
    "ranges": lambda _: RangesFiles(),
    "calibration-cache": lambda _: CalibrationCaches(),
    "statistics": lambda _: StatisticsFiles(),
    "cache-entry": lambda _: CacheEntries(),
    "reference-results": lambda _: ReferenceResults(),
    "engine": EngineFolders.of,
    "state-dict": StateDicts.of,
    "checkpoint": Checkpoints.of,
}
"""Each is made of files that are written once, into the folder that it is given."""
