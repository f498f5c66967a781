"""A run of which nothing came: a report all the same, so that whoever reads reports learns of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Verdict
from lightning_trt.pipeline.folders import unmade_folder
from lightning_trt.pipeline.job import Outcome
from lightning_trt.pipeline.plan import planned
from lightning_trt.pipeline.reporting import unbuilt, unmeasured, write
from lightning_trt.storage import locked, whole_folder

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import CheckpointReport
    from lightning_trt.settings import ExportSettings

__all__ = ["unmade"]


def unmade(why: Exception, *, checkpoint: CheckpointReport, settings: ExportSettings, folder: Path) -> Outcome:
    """The outcome of a run of `checkpoint` that `why` ended before it was written; its report is, below `folder`.

    Raises:
        StorageError: Not even a report can be written.
    """
    target, plan = unmade_folder(folder, checkpoint.path), planned(settings)
    report = replace(
        unmeasured(plan, settings, checkpoint=checkpoint, folder=target),
        candidates=unbuilt(plan, why),
        verdict=Verdict.error,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target), whole_folder(target) as into:
        write(report, into, formats=settings.formats)
    return Outcome(report=report, error=why)
