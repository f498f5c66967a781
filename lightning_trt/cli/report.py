"""`lightning-trt report`: every format of a report, written again from its JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from lightning_trt.cli.exits import Exit
from lightning_trt.cli.files import RUN_HELP, read_runs
from lightning_trt.errors import StorageError
from lightning_trt.renderers import terminal
from lightning_trt.renderers.formats import formats_of
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Mapping, Sequence

    from lightning_trt.artifacts import RangeFit, Report

__all__ = ["add_to", "run"]


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Nothing; `commands` then has this one."""
    parser = commands.add_parser("report", help="write a run's report again", description=__doc__)
    parser.add_argument("run_path", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="where to write; else into the run's folder")
    parser.set_defaults(run=run)


def run(asked: Namespace) -> Exit:
    """0; the files are written and the table printed, as the run itself did it."""
    (report,) = read_runs([asked.run_path])
    console = Console(highlight=False)
    console.print(terminal.table(report))
    fits, why_none = _fits(report)
    formats = formats_of(report, fits=fits)
    for name, text in formats.texts.items():
        path = write_whole((asked.into or report.path) / name, text)
        console.print(f"Written: {path}", soft_wrap=True, markup=False)
    for said in filter(None, (formats.left_out, why_none)):
        console.print(said, soft_wrap=True, markup=False)
    return Exit.ok


def _fits(report: Report) -> tuple[Mapping[str, Sequence[RangeFit]], str | None]:
    """How the run's ranges fit, and why that is not known; a report may have been sent without what lay beside it."""
    from lightning_trt import calibrators  # noqa: PLC0415 - the gate starts without numpy

    try:
        return calibrators.fits_of(report), None
    except StorageError as error:
        return {}, f"The page has no tensors that lose most: {error}"
