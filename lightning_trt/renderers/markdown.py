"""`report.md`: a report for people, and for pull requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Verdict
from lightning_trt.renderers._circumstances import circumstances
from lightning_trt.renderers._findings import (
    allowed_drop,
    metric_names,
    next_steps,
    remarks,
    summary,
    untrusted,
)
from lightning_trt.renderers._grids import latency_grid, layer_grid
from lightning_trt.renderers._shared import shared
from lightning_trt.renderers.numbers import drop_with_interval, mebibytes, milliseconds, number, times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lightning_trt.artifacts import CandidateReport, Report
    from lightning_trt.renderers._grids import Grid

__all__ = ["escape", "render"]

_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")


def render(report: Report) -> str:
    """`report` as Markdown (GitHub's), the verdict first."""
    sections = [
        f"# lightning-trt: {report.verdict.value}\n\n{escape(summary(report))}",
        _comparison(report),
        _section("What to do next", _bullets(map(_with_code, next_steps(report)))),
        _section("Reasons and notes", _bullets(_reasons(report))),
        _section("Proof of precision", _grid(layer_grid(report))),
        _section("Latency", _grid(latency_grid(report))),
        _section("Measured on", _bullets(f"{name}: {escape(text)}" for name, text in circumstances(report))),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def escape(text: str) -> str:
    r"""`text` as Markdown that shows it as it is, on one line: neither table, nor HTML, nor emphasis.

    Example:
        >>> from lightning_trt.renderers.markdown import escape
        >>> print(escape("a|b <script> *c*"))
        a\|b &lt;script&gt; \*c\*
    """
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Inside a word an underscore is only an underscore, and names are readable without the backslash.
    return re.sub(r"(?<=\w)\\_(?=\w)", "_", _SPECIAL.sub(r"\\\1", line))


def _with_code(text: str) -> str:
    """`text`, escaped but for the code between its backticks."""
    parts = text.split("`")
    return "".join(f"`{part}`" if index % 2 else _escape_part(part) for index, part in enumerate(parts))


def _escape_part(text: str) -> str:
    """`text` escaped, with the spaces at its ends kept."""
    lead = " " if text[:1].isspace() else ""
    tail = " " if text[-1:].isspace() and text.strip() else ""
    return f"{lead}{escape(text)}{tail}"


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, num_words: int) -> str:
    """A Markdown table whose first `num_words` columns are words, the rest numbers but for the verdict."""
    rule = ["---" if column < num_words or name == "verdict" else "---:" for column, name in enumerate(header)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def _grid(grid: Grid | None) -> str:
    if grid is None:
        return ""
    rows = ([escape(cell.text) for cell in row] for row in grid.rows)
    return _table(grid.header, rows, num_words=grid.num_words)


def _comparison(report: Report) -> str:
    batch = report.shared_batch
    p50 = "p50 ms" if batch is None else f"p50 ms (batch {batch})"
    header = ["candidate", "metric", "value", "drop", "interval", "allowed", p50, "speedup", "size", "verdict"]
    rows = [*_reference_rows(report), *(row for each in report.candidates.values() for row in _rows(report, each))]
    confidence = next((m.confidence for each in report.candidates.values() for m in each.metrics.values()), 0.95)
    legend = (
        f"A drop is positive where the candidate is worse, with its {100 * confidence:g} % interval. "
        f"The reference is {escape(report.reference.name)}: the checkpoint's own module."
    )
    if any(not m.trusted for each in report.candidates.values() for m in each.metrics.values()):
        legend += " ?: the interval is not to be trusted, see the reasons below."
    return f"{_table(header, rows, num_words=2)}\n\n{legend}"


def _reference_rows(report: Report) -> Iterator[list[str]]:
    reference = report.reference
    p50 = milliseconds(report.p50_ms(reference.latency))
    for position, name in enumerate(metric_names(report)):
        shared = [p50, "1.00x", "-", "reference"] if position == 0 else [""] * 4
        yield [escape(reference.name), escape(name), number(reference.metrics.get(name)), "", "", "", *shared]
    for name, latency in reference.beside.items():
        p50 = milliseconds(report.p50_ms(latency))
        yield [escape(name), "", "", "", "", "", p50, times(report.speedup(latency)), "-", "beside"]


def _rows(report: Report, candidate: CandidateReport) -> Iterator[list[str]]:
    p50 = milliseconds(report.p50_ms(candidate.latency))
    shared = [p50, times(candidate.speedup), mebibytes(candidate.bytes), _verdict(report, candidate)]
    if not candidate.metrics:
        yield [escape(candidate.name), "-", "-", "-", "", "", *shared]
    for position, name in enumerate(name for name in metric_names(report) if name in candidate.metrics):
        metric = candidate.metrics[name]
        limit = allowed_drop(report, candidate=candidate.name, metric=name)
        yield [
            escape(candidate.name),
            escape(name),
            number(metric.value),
            *drop_with_interval(metric),
            "" if limit is None else number(limit),
            *(shared if position == 0 else [""] * len(shared)),
        ]


def _verdict(report: Report, candidate: CandidateReport) -> str:
    word = candidate.verdict.value
    word = f"**{word}**" if candidate.verdict in {Verdict.failed, Verdict.error} else word
    return f"{word}, chosen" if candidate.name == report.chosen else word


def _reasons(report: Report) -> Iterator[str]:
    reasons = shared((each.name, reason) for each in report.candidates.values() for reason in each.reasons)
    yield from (f"{escape(names)}: {escape(reason)}" for names, reason in reasons)
    yield from map(escape, (*untrusted(report), *remarks(report), *report.notes))
