"""How the ranges in a finished run fit: read from the statistics and the ranges that lie in its folder."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from lightning_trt.calibrators.archive import load
from lightning_trt.calibrators.fits import fits
from lightning_trt.calibrators.ranges import RANGES_FILE, load_ranges
from lightning_trt.errors import StorageError
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lightning_trt.artifacts import RangeFit, Report

__all__ = ["fits_of"]

_STATISTICS = "statistics.npz"


def fits_of(report: Report, *, folder: Path | None = None) -> dict[str, tuple[RangeFit, ...]]:
    """How the ranges of each int8 candidate of a run fit, by candidate, or `candidate boundary` where it has several.

    Empty where nothing was quantized to int8.

    Args:
        report: The run's.
        folder: Where the run lies while it is being written; None takes the report's own.

    Raises:
        StorageError: Statistics or ranges are missing, damaged, or of another graph.
    """
    run = folder or report.path
    found: dict[str, tuple[RangeFit, ...]] = {}
    for name, candidate in report.candidates.items():
        if candidate.precision is Precision.int8 and candidate.path is not None:
            for boundary, path in _files(run / os.path.relpath(candidate.path, report.path)):
                found[f"{name} {boundary}".rstrip()] = _fits(path, run / boundary / _STATISTICS)
    return found


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each `ranges.json` of a candidate, with the folder of its boundary, empty where there is one."""
    for path in sorted(folder.rglob(RANGES_FILE)):
        boundary = path.parent.relative_to(folder).as_posix()
        yield ("" if boundary == "." else boundary), path


def _fits(ranges_path: Path, statistics_path: Path) -> tuple[RangeFit, ...]:
    statistics, ranges = load(statistics_path), load_ranges(ranges_path)
    shared = {name: seen for name, seen in statistics.tensors.items() if name in ranges.tensors}
    # TensorRT's own calibrators see other tensors than ours: some, but never all.
    if not shared:
        raise StorageError(
            f"{ranges_path} and {statistics_path} are not of one graph: no tensor is in both. Export again."
        )
    return fits(replace(statistics, tensors=shared), ranges)
