"""The table on the terminal: complete at every width, in words, with and without colour."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from renderers.example_report import example_report, single_metric, with_everything
from rich.console import Console

from lightning_trt.artifacts import Verdict
from lightning_trt.renderers.terminal import short_summary, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_trt.artifacts import Report


def printed(report: Report, *, width: int, is_terminal: bool = False) -> str:
    """What a console of `width` columns shows."""
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal)
    console.print(table(report))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("of_metrics", [example_report, lambda: single_metric(example_report())], ids=["two", "one"])
def test_nothing_is_cut_off(width: int, of_metrics: Callable[[], Report]) -> None:
    """Every name, number and verdict is there whole, and no line is longer than the terminal."""
    text = printed(of_metrics(), width=width)

    words = text.split()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for expected in (
        "int8-percentile",
        "int8-minmax",
        "inconclusive",
        "ERROR",
        "[-0.0013,",
        "+0.0067]",
        "2.41x",
        "42.7",
    ):
        assert expected in words


def test_a_wide_terminal_has_one_line_for_a_candidate() -> None:
    """Drop, interval and limit stand beside each other."""
    text = printed(single_metric(example_report()), width=120)

    row = next(line for line in text.splitlines() if line.startswith("int8-percentile"))

    assert (
        " ".join(row.split()) == "int8-percentile 0.9290 +0.0025 [-0.0013, +0.0067] 0.0100 40.9 2.41x 10.8 MiB pass *"
    )


def test_long_names_break_at_hyphens() -> None:
    """`int8-native-percentile` is readable at 80 columns."""
    report = single_metric(example_report())
    renamed = replace(report.candidates["fp16"], name="int8-native-percentile")

    text = printed(replace(report, candidates={renamed.name: renamed}, chosen=None), width=80)

    assert re.search(r"^int8-native- .*\npercentile ", text, re.MULTILINE)


def test_words_carry_the_verdict_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves no colour, and nothing is lost."""
    monkeypatch.setenv("NO_COLOR", "1")

    text = printed(example_report(), width=100, is_terminal=True)

    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", text)
    assert "ERROR" in text


def test_colour_is_there_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A live terminal shows an error in red."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    assert "\x1b[1;31mERROR" in printed(example_report(), width=100, is_terminal=True)


def test_brackets_in_names_are_text() -> None:
    """Rich's markup in a name neither styles nor raises."""
    report = single_metric(example_report())
    renamed = replace(report.candidates["fp16"], name="[red]x[/b]")

    text = printed(replace(report, candidates={renamed.name: renamed}, chosen=None), width=120)

    assert "[red]x[/b]" in text


def test_many_metrics_are_cut_to_a_few_and_counted() -> None:
    """The monitored one stays, and the rest is said to stand in the report."""
    report = example_report()
    fp16 = report.candidates["fp16"]
    many = {f"class_{index}": fp16.metrics["val/acc"] for index in range(100)}
    wide = replace(fp16, metrics={**many, **fp16.metrics})

    text = printed(replace(report, candidates={"fp16": wide}, chosen=None), width=100)

    assert "96 more metrics stand in report.md" in text
    assert "val/acc" in text


@pytest.mark.parametrize("width", [80, 160])
def test_what_stands_beside_has_a_row(width: int) -> None:
    """Of latency alone."""
    text = printed(single_metric(with_everything(example_report())), width=width)

    (row,) = (line for line in text.splitlines() if line.startswith("eager-fp16"))
    assert row.split() == ["eager-fp16", *["-"] * (row.split().count("-")), "70.1", "1.40x", "beside"]


def test_the_summary_says_verdict_trouble_place_and_next_step() -> None:
    """Plain lines, in that order."""
    lines = short_summary(example_report())

    assert [line.split(":")[0] for line in lines] == [
        "Error",
        "bf16",
        "Report",
        "Load the chosen engine (int8-percentile)",
        "int8-minmax, inconclusive on val/acc",
    ]


def test_a_reason_that_several_share_is_said_once() -> None:
    """Where the road ended for all at once, one line says why."""
    report = example_report()
    failed = {
        name: replace(each, verdict=Verdict.error, reasons=("no batch came",))
        for name, each in report.candidates.items()
    }
    lines = short_summary(replace(report, candidates=failed, verdict=Verdict.error))

    assert sum("no batch came" in line for line in lines) == 1


def test_a_failed_quantized_candidate_gets_advice() -> None:
    """Another calibrator, or more samples."""
    report = example_report()
    failed = replace(report.candidates["int8-minmax"], verdict=Verdict.failed)
    report = replace(report, candidates={**report.candidates, "int8-minmax": failed}, verdict=Verdict.failed)

    assert "try another calibrator, or more calibration samples (512 were used)" in "\n".join(short_summary(report))
