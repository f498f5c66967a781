"""`lightning-trt gate`: other limits, alpha and corrections from the evidence in finished reports."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from lightning_trt.artifacts import Verdict
from lightning_trt.cli.exits import Exit
from lightning_trt.cli.files import RUN_HELP, read_baseline, read_runs
from lightning_trt.cli.limits import add_limits, gate_settings
from lightning_trt.errors import SettingsError, StorageError
from lightning_trt.renderers import gate_markdown, gate_table, github, junit
from lightning_trt.renderers.rulings import Ruling, headline, rulings_of, rulings_since
from lightning_trt.stages.gate import gate, since
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Sequence

    from lightning_trt.artifacts import Report

__all__ = ["add_to", "run"]

_MOST_SUMMARY_BYTES = 2**20 - 1
_SUMMARY = "GITHUB_STEP_SUMMARY"
_LAST_LINES = {
    Exit.ok: "Gate: pass.",
    Exit.gate_failed: "Gate: FAIL.",
    Exit.no_rule: "Gate: not judged, because no rule holds for a run. Give one, e.g. --metric NAME --max-drop X.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """The runs as they were judged, and the rows of what is said of them."""

    reports: tuple[Report, ...]
    rulings: tuple[Ruling, ...]
    since: tuple[Ruling, ...]

    @property
    def exit(self) -> Exit:
        """What the whole of it means."""
        has_failed = any(each.verdict in {Verdict.failed, Verdict.error} for each in self.reports)
        if has_failed or any(each.fails for each in self.since):
            return Exit.gate_failed
        # A run without a rule was judged by nobody; rules that all runs have may leave some runs untouched.
        has_rules = all(each.gate.rules for each in self.reports)
        return Exit.ok if has_rules and any(each.gate.results for each in self.reports) else Exit.no_rule


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Nothing; `commands` then has this one."""
    parser = commands.add_parser("gate", help="hold finished runs against limits", description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help=RUN_HELP)
    add_limits(parser)
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="hold the drop since this baseline too")
    parser.add_argument("--model", metavar="NAME", help="the model's name in the baseline; else the module's class")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write what was said as Markdown")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write it as JUnit XML")
    parser.add_argument("--github", action="store_true", help="write GitHub's job summary and annotations")
    parser.add_argument("--exit-zero", action="store_true", help="exit with 0 where a rule failed")
    parser.set_defaults(run=run)


def run(asked: Namespace) -> Exit:
    """0 pass, 1 a rule failed, 5 no rule; files are written and the table printed."""
    summary = _summary_file() if asked.github else None
    outcome = _judged(asked)
    if asked.markdown is not None:
        write_whole(asked.markdown, gate_markdown.render(outcome.rulings, outcome.since))
    if asked.junit is not None:
        write_whole(asked.junit, junit.to_text((*outcome.rulings, *outcome.since)))
    _print(outcome)
    if summary is not None:
        _tell_github(outcome, summary)
    return Exit.ok if asked.exit_zero and outcome.exit is Exit.gate_failed else outcome.exit


def _judged(asked: Namespace) -> _Outcome:
    reports = read_runs(asked.runs)
    baseline = None if asked.baseline is None else read_baseline(asked.baseline)
    gated = gate(reports, settings=gate_settings(asked, reports))
    changes = () if baseline is None else since(gated, baseline, model=asked.model)
    return _Outcome(reports=gated, rulings=rulings_of(gated), since=rulings_since(changes, gated))


def _print(outcome: _Outcome) -> None:
    console = Console(highlight=False)
    console.print(gate_table.table(outcome.rulings, title=headline(outcome.rulings)))
    if outcome.since:
        console.print(gate_table.table(outcome.since, title="Since the baseline, without intervals:"))
    lines = (*gate_table.steps((*outcome.rulings, *outcome.since)), *_notes(outcome.reports), _last_line(outcome))
    for line in lines:
        console.print(line.replace("`", ""), soft_wrap=not console.is_terminal, markup=False)


def _notes(reports: Sequence[Report]) -> tuple[str, ...]:
    if len({each.data.digest for each in reports}) == 1:
        return ()
    return ("These runs were measured on different samples: each set of samples was judged for itself.",)


def _last_line(outcome: _Outcome) -> str:
    verdicts = {each.verdict for each in outcome.reports}
    if outcome.exit is Exit.ok and Verdict.inconclusive in verdicts:
        return "Gate: inconclusive, which passes unless --on-inconclusive fail."
    if outcome.exit is Exit.gate_failed and not any(each.fails for each in (*outcome.rulings, *outcome.since)):
        return "Gate: FAIL, because inconclusive was told to fail."
    return _LAST_LINES[outcome.exit]


def _summary_file() -> Path:
    if not os.environ.get(_SUMMARY):
        raise SettingsError(
            f"--github writes to the file that {_SUMMARY} names, and it is not set. GitHub sets it in a workflow's "
            "step; elsewhere leave --github out and take --markdown."
        )
    return Path(os.environ[_SUMMARY])


def _tell_github(outcome: _Outcome, summary: Path) -> None:
    """Nothing; the job summary has one more section, and the annotations are printed."""
    # Plain, and not through rich: a wrapped line would be no command.
    for line in github.workflow_commands((*outcome.rulings, *outcome.since)):
        print(line)
    try:
        room = _MOST_SUMMARY_BYTES - (summary.stat().st_size if summary.exists() else 0)
        with summary.open("a", encoding="utf-8") as file:
            file.write(gate_markdown.render(outcome.rulings, outcome.since, max_bytes=room))
    except OSError as error:
        raise StorageError(
            f"cannot write the job summary {summary}: {error.strerror or error}. Check {_SUMMARY}."
        ) from error
