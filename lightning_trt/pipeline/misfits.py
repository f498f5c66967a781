"""What the report says of statistics and of ranges that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.calibrators import misfits, undersampled
from lightning_trt.precision import Precision
from lightning_trt.settings import CalibratorName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lightning_trt.artifacts import RangeFit, Ranges, Statistics
    from lightning_trt.pipeline.plan import Asked
    from lightning_trt.settings import CalibrationSettings

__all__ = ["misfit_notes", "recalled_notes"]

_NAMED = 3


def misfit_notes(
    asked: Asked, statistics: Statistics, ranges: Ranges, *, settings: CalibrationSettings
) -> Iterator[str]:
    """What is wrong with the ranges of a candidate, one sentence each."""
    yield from _unfit(asked, statistics, ranges)
    yield from _undersampled(asked, statistics, settings.percentile)


def recalled_notes(statistics: Mapping[str, Statistics]) -> Iterator[str]:
    """A sentence where no graph had to run."""
    if any(each.is_recalled for each in statistics.values()):
        yield "calibration statistics are those of an earlier run over the same graph and samples"


def _unfit(asked: Asked, statistics: Statistics, ranges: Ranges) -> Iterator[str]:
    found = misfits(statistics, ranges) if asked.precision is Precision.int8 else ()
    if found:
        yield (
            f"{asked.name}: the range does not fit {len(found)} of {len(ranges.tensors)} tensors: {_listed(found)}. "
            "Another calibrator may; see lightning-trt inspect RUN --ranges"
        )


def _undersampled(asked: Asked, statistics: Statistics, percentile: float) -> Iterator[str]:
    """Small tensors are too few values in any run; it matters where most tensors are."""
    found = undersampled(statistics, percentile) if asked.calibrator is CalibratorName.percentile else ()
    if 2 * len(found) > len(statistics.tensors):
        yield (
            f"{asked.name}: {statistics.samples} samples are too few for a percentile of {percentile:g}: of "
            f"{len(found)} of {len(statistics.tensors)} tensors it leaves no value out, so that it is minmax there. "
            "Give more samples (calibration.samples), or a lower percentile (calibration.percentile)"
        )


def _listed(found: tuple[RangeFit, ...]) -> str:
    named = [
        f"{each.name} ({each.low:.3g} to {each.high:.3g} makes zero of {100 * (each.zeroed or 0):.0f} % of its values "
        f"and clips {100 * (each.clipped or 0):.0f} %)"
        for each in found[:_NAMED]
    ]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(named) + more
