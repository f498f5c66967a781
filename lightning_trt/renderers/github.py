"""GitHub's workflow commands: what shows beside a pull request's files and on the run's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.artifacts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_trt.renderers.rulings import Ruling

__all__ = ["MOST", "workflow_commands"]

MOST = 10
"""GitHub shows no more annotations of one step."""

_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_ESCAPES_OF_TITLES = {**_ESCAPES, ":": "%3A", ",": "%2C"}


def workflow_commands(rulings: Sequence[Ruling]) -> tuple[str, ...]:
    """At most ten commands for what is not passed, in the order of `rulings`: an error where it fails, else a warning.

    Example:
        >>> from lightning_trt.renderers.github import workflow_commands
        >>> workflow_commands(())
        ()
    """
    told = [each for each in rulings if each.verdict not in {Verdict.passed, Verdict.ungated}]
    shown, num_more = told[:MOST], len(told) - MOST
    if num_more > 0:
        shown, num_more = told[: MOST - 1], len(told) - (MOST - 1)
    lines = [_line(each) for each in shown]
    if num_more > 0:
        lines.append(f"::warning title=lightning-trt::{num_more} more stand in the job summary.")
    return tuple(lines)


def _line(ruling: Ruling) -> str:
    title = _escaped(f"lightning-trt: {ruling.word} ({ruling.run})", _ESCAPES_OF_TITLES.items())
    kind = "error" if ruling.fails else "warning"
    return f"::{kind} title={title}::{_escaped(ruling.sentence, _ESCAPES.items())}"


def _escaped(text: str, escapes: Iterable[tuple[str, str]]) -> str:
    for sign, code in escapes:
        text = text.replace(sign, code)
    return text
