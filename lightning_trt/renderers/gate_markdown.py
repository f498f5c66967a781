"""What a gate said as Markdown: for a job summary, a pull request or a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.renderers.markdown import escape
from lightning_trt.renderers.rulings import headline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.renderers.rulings import Ruling

__all__ = ["render"]

_HEADER = "| verdict | run | candidate | expected | found | interval |\n| --- | --- | --- | --- | ---: | --- |"
_HEADER_SINCE = "| verdict | run | candidate | expected | drop | value |\n| --- | --- | --- | --- | ---: | --- |"
_ROOM_FOR_THE_REST = 200


def render(rulings: Sequence[Ruling], since: Sequence[Ruling] = (), *, max_bytes: int | None = None) -> str:
    """The rulings, in their order, and those since a baseline apart; cut between lines at `max_bytes`.

    Example:
        >>> from lightning_trt.renderers.gate_markdown import render
        >>> render(()).splitlines()[0]
        '## lightning-trt gate: no rule was applied'
    """
    # What to do about the worst stands before the tables, which may be cut.
    sections = [f"## lightning-trt gate: {_title(rulings, since)}", headline(rulings), _steps((*rulings, *since))]
    sections += [_table(_HEADER, rulings)] if rulings else []
    sections += ["### Since the baseline", _table(_HEADER_SINCE, since)] if since else []
    text = "\n\n".join(section for section in sections if section) + "\n"
    return text if max_bytes is None else _cut(text, max_bytes)


def _title(rulings: Sequence[Ruling], since: Sequence[Ruling]) -> str:
    if any(each.fails for each in (*rulings, *since)):
        return "fail"
    return rulings[0].word if rulings else "no rule was applied"


def _steps(rulings: Sequence[Ruling]) -> str:
    return "\n".join(
        f"- **{each.word}** {escape(each.run)}: {escape(each.sentence)}" for each in rulings if each.advice
    )


def _table(header: str, rulings: Sequence[Ruling]) -> str:
    rows = [
        (each.word, *map(escape, (each.run, each.candidate, each.expected, each.found, each.interval)))
        for each in rulings
    ]
    return "\n".join([header, *(f"| {' | '.join(row)} |" for row in rows)])


def _cut(text: str, max_bytes: int) -> str:
    """`text` whole, or as many of its lines as fit with a line that says so."""
    if len(text.encode()) <= max_bytes:
        return text
    kept = text.encode()[: max(0, max_bytes - _ROOM_FOR_THE_REST)].decode(errors="ignore")
    whole_lines = kept.rpartition("\n")[0]
    num_more = text.count("\n") - whole_lines.count("\n")
    rest = f"\n\n{num_more} more lines stand in the file of `--markdown`.\n"
    return whole_lines + rest if len((whole_lines + rest).encode()) <= max_bytes else ""
