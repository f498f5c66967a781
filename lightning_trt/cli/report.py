"""`lightning-trt report`: every format of a report, written again from its JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from lightning_trt.cli.exits import Exit
from lightning_trt.cli.files import RUN_HELP, read_runs
from lightning_trt.renderers import terminal
from lightning_trt.renderers.formats import formats_of
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

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
    formats = formats_of(report)
    for name, text in formats.texts.items():
        path = write_whole((asked.into or report.path) / name, text)
        console.print(f"Written: {path}", soft_wrap=True, markup=False)
    if formats.left_out is not None:
        console.print(formats.left_out, soft_wrap=True, markup=False)
    return Exit.ok
