"""`lightning-trt compare`: several runs in one table, as far as they were measured on the same samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from lightning_trt.cli.exits import Exit
from lightning_trt.cli.files import RUN_HELP, read_runs
from lightning_trt.errors import SettingsError, nearest
from lightning_trt.renderers import comparison
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Sequence

    from lightning_trt.artifacts import Report

__all__ = ["add_to", "run"]


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Nothing; `commands` then has this one."""
    parser = commands.add_parser("compare", help="show several runs in one table", description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--metric", metavar="NAME", help="metric to show; else the first run's monitored one")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as Markdown too")
    parser.set_defaults(run=run)


def run(asked: Namespace) -> Exit:
    """0; the table is printed."""
    reports = read_runs(asked.runs)
    _check_samples(reports)
    metric = _metric(asked.metric or reports[0].checkpoint.monitor, reports)
    Console(highlight=False).print(comparison.table(reports, metric))
    if asked.markdown is not None:
        write_whole(asked.markdown, comparison.markdown(reports, metric))
    return Exit.ok


def _check_samples(reports: Sequence[Report]) -> None:
    digests = {each.data.digest: each for each in reports}
    if len(digests) > 1:
        told = ", ".join(f"{each.path.name}: {digest[:12] or 'none'}" for digest, each in digests.items())
        raise SettingsError(
            f"these runs were measured on different samples (digests {told}), so their values cannot be compared. "
            "Compare runs over the same validation data."
        )


def _metric(name: str | None, reports: Sequence[Report]) -> str:
    known = {each for report in reports for each in report.reference.metrics}
    if name is None or name not in known:
        said = "no metric is monitored" if name is None else f"no run has the metric {name!r}"
        raise SettingsError(f"{said}. Name one with --metric. {nearest(name or '', known)}")
    return name
