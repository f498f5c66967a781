"""What a gate said on the terminal: a table that fits 80 columns, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from lightning_trt.artifacts import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.renderers.rulings import Ruling

__all__ = ["steps", "table"]

_STYLES = {Verdict.passed: "green", Verdict.inconclusive: "yellow", Verdict.ungated: "dim"}


def table(rulings: Sequence[Ruling], *, title: str) -> Table:
    """A row for each ruling, in their order; where there are several runs, each stands below its name."""
    grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for header in ("candidate", "expected"):
        grid.add_column(header, overflow="fold")
    for header in ("found", "interval"):
        grid.add_column(header, justify="right", overflow="fold")
    grid.add_column("verdict", no_wrap=True)
    for run, own in _by_run(rulings).items():
        if len(own) < len(rulings):
            grid.add_row(Text(run, style="bold"))
        for each in own:
            words = (each.candidate, each.expected, each.found, each.interval)
            grid.add_row(*map(Text, words), Text(each.word, style=_style(each)))
    return grid


def steps(rulings: Sequence[Ruling]) -> tuple[str, ...]:
    """What is left to do, a line for each candidate and advice."""
    several = len(_by_run(rulings)) > 1
    broken: dict[tuple[str, str], list[str]] = {}
    for each in rulings:
        if each.advice:
            owner = f"{each.word} {each.run}/{each.candidate}" if several else f"{each.word} {each.candidate}"
            broken.setdefault((owner, each.advice), []).append(each.expected)
    return tuple(f"{owner}, {', '.join(expected)}: {advice}" for (owner, advice), expected in broken.items())


def _by_run(rulings: Sequence[Ruling]) -> dict[str, list[Ruling]]:
    """The rulings of each run; the run of the worst is the first."""
    return {run: [each for each in rulings if each.run == run] for run in dict.fromkeys(each.run for each in rulings)}


def _style(ruling: Ruling) -> str:
    return "bold red" if ruling.fails else _STYLES.get(ruling.verdict, "yellow")
