"""`report.md`: what people and pull requests see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from renderers.example_report import example_report, single_metric, with_everything

from lightning_trt.artifacts import GateReport, Report, Verdict
from lightning_trt.renderers.markdown import render

EXPECTED = Path(__file__).parent / "expected" / "report.md"
NASTY = "a|b <script>alert(1)</script> *c* `d`"


def renamed(report: Report, name: str) -> Report:
    """`report` with its fp16 candidate called `name`, which is also its reason."""
    candidates = {
        (name if key == "fp16" else key): replace(each, name=name, reasons=(name,)) if key == "fp16" else each
        for key, each in report.candidates.items()
    }
    return replace(report, candidates=candidates)


def html_of(text: str) -> str:
    """`text` as HTML, by a parser that lets raw HTML through."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def test_the_example_reads_as_expected() -> None:
    """The whole file, word for word; `expected/report.md` is what to look at when it is to change."""
    assert render(example_report()) == EXPECTED.read_text(encoding="utf-8")


def test_the_verdict_comes_first() -> None:
    """Title and first paragraph say it, in words."""
    first, _, third, *_ = render(example_report()).splitlines()

    assert first == "# lightning-trt: error"
    assert third.startswith("Error: bf16 could not be built or evaluated; for int8-minmax the data")


def test_names_and_reasons_stay_text() -> None:
    """Pipes make no columns, tags no HTML, stars no emphasis."""
    html = html_of(render(renamed(example_report(), NASTY)))

    assert "<script>" not in html
    assert "<em>c</em>" not in html
    assert "a|b &lt;script&gt;alert(1)&lt;/script&gt; *c* `d`" in html


def test_every_row_has_as_many_cells_as_the_header() -> None:
    """With a pipe in a name too."""
    table = [line for line in render(renamed(example_report(), NASTY)).splitlines() if line.startswith("|")][:13]

    widths = {line.replace("\\|", "").count("|") for line in table}

    assert widths == {11}


def test_a_reason_of_many_lines_stays_one_bullet() -> None:
    """A traceback does not tear the list apart."""
    text = render(renamed(example_report(), "first\n\n# second\n- third"))

    assert "first \\# second - third: first \\# second - third" in text


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (Verdict.passed, "Pass. Chosen: int8-percentile, 2.41x as fast as torch-fp32; val/acc 0.9290"),
        (Verdict.failed, "within the limit; the gate was told to fail on that. Chosen"),
        (Verdict.error, "Error: bf16 could not be built or evaluated; for int8-minmax the data cannot tell"),
        (Verdict.ungated, "Ungated: no limit was applied"),
    ],
    ids=lambda value: getattr(value, "value", ""),
)
def test_each_verdict_has_its_sentence(verdict: Verdict, sentence: str) -> None:
    """The first sentence names who is to blame."""
    assert sentence in render(replace(example_report(), verdict=verdict))


def test_an_inconclusive_candidate_says_how_many_samples_would_decide() -> None:
    """With the number that was used."""
    assert "more than 31,000 samples would decide (2,000 were used)" in render(example_report())


def test_an_ungated_report_shows_the_line_to_write() -> None:
    """A limit can be copied from the report."""
    gate = GateReport(alpha=0.025, rules=(), results=())
    report = replace(example_report(), verdict=Verdict.ungated, chosen=None, gate=gate)

    assert "`gate={'metric': 'val/acc', 'max_drop': ...}`" in render(report)


def test_nothing_measured_still_renders() -> None:
    """A report of failures only, without checkpoint and metrics, is a report."""
    report = single_metric(example_report())
    bare = replace(
        report,
        reference=replace(report.reference, metrics={}, latency=()),
        candidates={"bf16": report.candidates["bf16"]},
        checkpoint=replace(report.checkpoint, path=None, sha256=None, epoch=None, monitor=None, score=None),
        gate=GateReport(alpha=0.025, rules=(), results=()),
        chosen=None,
        verdict=Verdict.error,
    )

    text = render(bare)

    assert "checkpoint: none, the module's own weights were taken" in text
    assert "| bf16 | - | - | - |" in text


def test_a_busy_machine_is_named() -> None:
    """Slow calls far beyond the median say that a speedup is rough; a little jitter does not."""
    report = example_report()
    slow = tuple(replace(each, p99_ms=8 * each.p50_ms) for each in report.reference.latency)

    busy = render(replace(report, reference=replace(report.reference, latency=slow)))

    assert "measured at batch 32: p99 is over 3 medians (torch-fp32 8.0 times)" in busy
    assert "machine was busy" not in render(report)


def test_what_torch_does_as_fast_is_said() -> None:
    """At each batch size, with the way of running it that is hardest to beat."""
    report = with_everything(example_report())
    fast = replace(report.candidates["int8-minmax"].latency[0], batch=1, p50_ms=2.5)
    candidates = {"int8-minmax": replace(report.candidates["int8-minmax"], latency=(fast,))}

    text = render(replace(report, candidates=candidates, chosen=None))

    assert "At batch 1 int8-minmax (2.50 ms) is not faster than compile-fp16 (2.20 ms)" in text
    assert "At batch 32" not in text


def test_what_stands_beside_has_a_row() -> None:
    """Below the reference, with its speedup; the table of latency has every batch size."""
    text = render(with_everything(example_report()))

    assert "| eager-fp16 |  |  |  |  |  | 70.1 | 1.40x | - | beside |" in text
    assert "| compile-fp16 | 1 | 2.20 |" in text
