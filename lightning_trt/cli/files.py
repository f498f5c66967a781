"""The files that a command is given: runs and baselines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.cli.samples import check_samples
from lightning_trt.errors import ReportError, SettingsError
from lightning_trt.renderers import baseline as baseline_text
from lightning_trt.renderers import json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.artifacts import Baseline, Report

__all__ = ["RUN_HELP", "read_baseline", "read_runs"]

RUN_HELP = "folder of a finished export, or its report.json"


def read_runs(paths: Sequence[str]) -> tuple[Report, ...]:
    """The report of each run; a run is its folder or its `report.json`.

    Raises:
        ReportError: A report that is missing or unreadable, or reports that contradict each other.
        SettingsError: A run that was given twice.
    """
    files = [_report_file(path) for path in paths]
    for file in files:
        if files.count(file) > 1:
            raise SettingsError(f"the run {file.parent} was given twice. Name each run once.")
    texts = [_text(file, "report", "Name the folder of a finished export") for file in files]
    reports = tuple(json.from_text(text, file) for text, file in zip(texts, files, strict=True))
    check_samples(reports)
    return reports


def read_baseline(path: Path) -> Baseline:
    """The baseline at `path`.

    Raises:
        ReportError: It is missing or unreadable.
    """
    text = _text(path, "baseline", "Write one, and commit it: `lightning-trt baseline update RUN`")
    return baseline_text.from_text(text, path)


def _report_file(path: str) -> Path:
    # Absolute, so that "." has a name; a link stays a link, because paths in a report are relative to it.
    file = Path(os.path.abspath(path))  # noqa: PTH100 - see above
    return file / "report.json" if file.is_dir() else file


def _text(path: Path, kind: str, remedy: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ReportError(f"cannot read the {kind} {path}: {why}. {remedy}.") from error
