"""`report.md`: a report for people, and for pull requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Verdict
from lightning_trt.renderers._findings import (
    allowed_drop,
    metric_names,
    next_steps,
    summary,
    undirected,
    untrusted,
)
from lightning_trt.renderers._shared import shared
from lightning_trt.renderers.numbers import drop_with_interval, mebibytes, milliseconds, number, times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lightning_trt.artifacts import CandidateReport, Report

__all__ = ["escape", "render"]

_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")


def render(report: Report) -> str:
    """`report` as Markdown (GitHub's), the verdict first."""
    sections = [
        f"# lightning-trt: {report.verdict.value}\n\n{escape(summary(report))}",
        _comparison(report),
        _section("What to do next", _bullets(map(_with_code, next_steps(report)))),
        _section("Reasons and notes", _bullets(_reasons(report))),
        _section("Proof of precision", _layers(report)),
        _section("Latency", _latencies(report)),
        _section("Measured on", _bullets(_circumstances(report))),
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
    yield from map(escape, (*untrusted(report), *filter(None, [undirected(report)]), *report.notes))


def _layers(report: Report) -> str:
    counted = [each for each in report.candidates.values() if each.layers]
    dtypes = list(dict.fromkeys(dtype for each in counted for dtype in each.layers))
    if not dtypes:
        return ""
    header = ["layers", "asked for", *(dtype.value for dtype in dtypes)]
    rows = [[escape(e.name), e.precision.value, *(str(e.layers.get(dtype, 0)) for dtype in dtypes)] for e in counted]
    return _table(header, rows, num_words=2)


def _latencies(report: Report) -> str:
    measured = [(report.reference.name, report.reference.latency)]
    measured += [(each.name, each.latency) for each in report.candidates.values()]
    rows = [
        [
            escape(name),
            str(each.batch),
            *(milliseconds(ms) for ms in (each.p50_ms, each.p90_ms, each.p99_ms)),
            milliseconds(each.throughput),
        ]
        for name, latencies in measured
        for each in latencies
    ]
    return _table(["", "batch", "p50 ms", "p90 ms", "p99 ms", "samples/s"], rows, num_words=1) if rows else ""


def _circumstances(report: Report) -> Iterator[str]:
    checkpoint, data, environment = report.checkpoint, report.data, report.environment
    if checkpoint.path is None:
        yield "checkpoint: none, the module's own weights were taken"
    else:
        sha256 = "" if checkpoint.sha256 is None else f", sha256 {checkpoint.sha256[:12]}"
        epoch = "" if checkpoint.epoch is None else f", epoch {checkpoint.epoch}"
        yield f"checkpoint: {escape(checkpoint.path)}{epoch}{escape(sha256)}"
    if checkpoint.monitor is not None:
        yield f"monitored: {escape(checkpoint.monitor)}, {number(checkpoint.score)} in training"
    overlap = data.calibration_overlap
    shared = "" if overlap is None else f", of which {overlap:,} were evaluated too"
    yield f"data: {data.samples:,} samples (digest {escape(data.digest[:12])})"
    taken = "" if data.calibration_split is None else f" of {data.calibration_split} data, {data.calibration_select}"
    yield f"calibration: {data.calibration_samples:,} samples{escape(taken)}{shared}"
    capability = environment.compute_capability
    yield (
        f"environment: {escape(environment.backend)} {escape(environment.backend_version)}, torch "
        f"{escape(environment.torch)}, {escape(environment.device)}"
        + ("" if capability is None else f", compute capability {escape(capability)}")
    )
    yield f"written: {escape(report.created)} by lightning-trt {escape(report.version)}"
