"""`lightning-trt baseline update`: the one writer of the baseline that later runs are compared with."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Baseline, BaselineEntry, Verdict
from lightning_trt.cli.exits import Exit
from lightning_trt.cli.files import RUN_HELP, read_baseline, read_runs
from lightning_trt.errors import SettingsError
from lightning_trt.renderers import baseline as baseline_text
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

    from lightning_trt.artifacts import CandidateReport, Report

__all__ = ["add_to", "run"]

_FILE = Path(".lightning-trt/baseline.json")


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Nothing; `commands` then has this one."""
    parser = commands.add_parser("baseline", help="write the baseline", description=__doc__)
    update = parser.add_subparsers(dest="action", required=True).add_parser("update", help="take a run's values")
    update.add_argument("runs", nargs="+", metavar="RUN", help=RUN_HELP)
    update.add_argument("--file", type=Path, default=_FILE, metavar="FILE", help=f"the baseline; else {_FILE}")
    update.add_argument("--model", metavar="NAME", help="the model's name in it; else the module's class")
    update.set_defaults(run=run)


def run(asked: Namespace) -> Exit:
    """0; the baseline has the values of these runs, and what it knew of other candidates."""
    entries: dict[tuple[str, str, str], BaselineEntry] = {}
    for report in read_runs(asked.runs):
        for key, entry in _entries(report, asked.model).items():
            if key in entries:
                raise SettingsError(f"two runs have {key[1]} of {key[0]} on {key[2]}. Give the one that shall hold.")
            entries[key] = entry
    known = read_baseline(asked.file).entries if asked.file.exists() else {}
    write_whole(asked.file, baseline_text.to_text(Baseline(entries={**known, **entries})))
    print(f"{asked.file}: {len(entries)} candidates updated, {len(known.keys() - entries.keys())} kept. Commit it.")
    return Exit.ok


def _entries(report: Report, model: str | None) -> dict[tuple[str, str, str], BaselineEntry]:
    name = model or report.model
    if name is None:
        raise SettingsError(f"the report of {report.path} does not name its model. Name it with --model.")
    measured = [each for each in report.candidates.values() if each.verdict is not Verdict.error and _values(each)]
    if not measured:
        raise SettingsError(f"no candidate of {report.path} has a value to keep. Take a run that could be evaluated.")
    return {(name, each.name, each.backend): _entry(report, each) for each in measured}


def _entry(report: Report, candidate: CandidateReport) -> BaselineEntry:
    return BaselineEntry(
        checkpoint_sha256=report.checkpoint.sha256,
        created=report.created,
        digest=report.data.digest,
        samples=report.data.samples,
        metrics=_values(candidate),
    )


def _values(candidate: CandidateReport) -> dict[str, float]:
    return {name: each.value for name, each in candidate.metrics.items() if math.isfinite(each.value)}
