"""`lightning-trt report` and `compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.runs import FAILS, a_run, written
from junitparser import JUnitXml
from renderers.example_report import example_report
from stages.gate.reports import candidate

from lightning_trt.cli import main
from lightning_trt.renderers import markdown

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_formats_are_written_again(tmp_path: Path) -> None:
    """Word for word as the run wrote them."""
    run = written(example_report(tmp_path / "run"), tmp_path / "run")

    assert main(["report", str(run)]) == 0
    assert (run / "report.md").read_text(encoding="utf-8") == markdown.render(example_report(run))
    assert JUnitXml.fromfile(str(run / "junit.xml")).tests == 5


def test_formats_may_go_elsewhere(tmp_path: Path) -> None:
    """The run's folder is left alone."""
    run = written(example_report(tmp_path / "run"), tmp_path / "run")

    main(["report", str(run), "--into", str(tmp_path / "site")])

    assert sorted(path.name for path in run.iterdir()) == ["report.json"]
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == ["junit.xml", "report.html", "report.md"]


def test_compare_puts_runs_in_one_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each below its name, and as Markdown too."""
    runs = [str(a_run(tmp_path / "first")), str(a_run(tmp_path / "second", candidate("int8", FAILS)))]

    assert main(["compare", *runs, "--markdown", str(tmp_path / "table.md")]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines.index("first") < lines.index("second")
    assert "| second | int8 | 0.8700 |" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_compare_refuses_other_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Values over other data are no comparison."""
    assert main(["compare", str(a_run(tmp_path / "a")), str(a_run(tmp_path / "b", digest="77aa"))]) == 2
    assert "a: 9d3f, b: 77aa" in capsys.readouterr().err


def test_compare_knows_its_metrics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip is answered with the nearest name."""
    assert main(["compare", str(a_run(tmp_path)), "--metric", "val/ac"]) == 2
    assert "Did you mean 'val/acc'" in capsys.readouterr().err
