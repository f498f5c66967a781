"""The baseline: written by one command, compared on the same samples, shown apart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cli.runs import PASSES, a_run
from stages.gate.reports import accuracy, broken, candidate

from lightning_trt.artifacts import MetricReport, ReferenceReport
from lightning_trt.cli import main

FELL = replace(PASSES, value=PASSES.value - 0.05)


def trained(folder: Path, metric: MetricReport) -> Path:
    """A run of a model with that metric, which its engine keeps."""
    reference = ReferenceReport(name="torch-fp32", metrics={"val/acc": metric.value}, latency=())
    return a_run(folder, candidate("int8", metric), reference=reference)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def gate(run: Path, *arguments: str) -> int:
    """Exit code of a gate with the default baseline."""
    return main(["gate", str(run), "--baseline", ".lightning-trt/baseline.json", *arguments])


def update(run: Path, *arguments: str) -> int:
    """Exit code of an update."""
    return main(["baseline", "update", str(run), *arguments])


def test_update_writes_a_small_sorted_file(tmp_path: Path) -> None:
    """By model, candidate and backend."""
    update(a_run(tmp_path / "run", candidate("int8", PASSES), candidate("fp16", PASSES)))
    text = Path(".lightning-trt/baseline.json").read_text(encoding="utf-8")

    entry = json.loads(text)["models"]["Net"]["int8"]["onnxruntime"]
    assert entry == {
        "checkpoint_sha256": None,
        "created": "2026-09-14T10:42:07Z",
        "digest": "9d3f",
        "metrics": {"val/acc": PASSES.value},
        "samples": 1000,
    }
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


def test_update_keeps_what_it_does_not_replace(tmp_path: Path) -> None:
    """Another model's entries stay."""
    update(a_run(tmp_path / "a"))
    update(a_run(tmp_path / "b"), "--model", "Other")

    assert set(json.loads(Path(".lightning-trt/baseline.json").read_text())["models"]) == {"Net", "Other"}


def test_gate_does_not_write_the_baseline(tmp_path: Path) -> None:
    """Not even where something is new."""
    update(a_run(tmp_path / "a"))
    before = Path(".lightning-trt/baseline.json").read_bytes()

    gate(a_run(tmp_path / "b", candidate("int8", PASSES), candidate("fp16", PASSES)))

    assert Path(".lightning-trt/baseline.json").read_bytes() == before


@pytest.mark.parametrize(("metric", "code"), [(PASSES, 0), (FELL, 1)], ids=["same", "fell"])
def test_limits_hold_since_the_baseline_too(tmp_path: Path, metric: MetricReport, code: int) -> None:
    """A model that was trained worse fails, however well its engine follows it."""
    update(a_run(tmp_path / "before"))

    assert gate(trained(tmp_path / "after", metric), "--max-drop", "0.02") == code


def test_change_is_shown_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Below the drops against the reference, with both values."""
    update(a_run(tmp_path / "before"))

    gate(trained(tmp_path / "after", FELL))
    below = capsys.readouterr().out.partition("Since the baseline")[2]

    assert "+0.0500" in below
    assert "0.9300 to 0.8800" in " ".join(below.split())


def test_direction_of_the_metric_counts(tmp_path: Path) -> None:
    """A loss that rose is worse."""
    low = replace(accuracy(0), value=0.2, higher_is_better=False)
    update(trained(tmp_path / "before", low))

    assert gate(trained(tmp_path / "after", replace(low, value=0.1))) == 0
    assert gate(trained(tmp_path / "worse", replace(low, value=0.3))) == 1


def test_other_samples_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The digests are named."""
    update(a_run(tmp_path / "before"))

    assert gate(a_run(tmp_path / "after", digest="77aa")) == 2
    assert "measured on other samples (digest 9d3f" in capsys.readouterr().err


def test_baseline_that_knows_nothing_of_the_run_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Comparing nothing is no pass."""
    update(a_run(tmp_path / "before"))

    assert gate(a_run(tmp_path / "after", model="Other")) == 2
    assert "it has Net int8 (onnxruntime)" in capsys.readouterr().err


def test_missing_baseline_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the command that writes one."""
    assert gate(a_run(tmp_path / "run")) == 2
    assert "lightning-trt baseline update RUN" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "the baseline .lightning-trt/baseline.json is not readable"),
        ('{"schema": 2, "models": {}}', "schema is 2; schema 1"),
        ('{"schema": 1}', "the baseline .lightning-trt/baseline.json has no 'models'"),
    ],
)
def test_broken_baseline_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    """It is neither believed nor overwritten."""
    Path(".lightning-trt").mkdir()
    Path(".lightning-trt/baseline.json").write_text(text, encoding="utf-8")
    run = a_run(tmp_path / "run")

    assert (gate(run), update(run)) == (2, 2)
    assert sentence in capsys.readouterr().err
    assert Path(".lightning-trt/baseline.json").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"model": None}, "does not name its model"), ({"candidates": {}}, "no candidate")],
    ids=["model", "values"],
)
def test_run_with_nothing_to_keep_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], sentence: str
) -> None:
    """And writes nothing."""
    assert update(a_run(tmp_path / "run", **changes)) == 2
    assert sentence in capsys.readouterr().err
    assert not Path(".lightning-trt").exists()


def test_candidate_without_an_engine_is_left_out(tmp_path: Path) -> None:
    """It has no value that could be a baseline."""
    update(a_run(tmp_path / "run", candidate("int8", PASSES), broken("bf16")))

    assert set(json.loads(Path(".lightning-trt/baseline.json").read_text())["models"]["Net"]) == {"int8"}


def test_two_runs_for_one_entry_are_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody said which shall hold."""
    assert update(a_run(tmp_path / "a"), str(a_run(tmp_path / "b"))) == 2
    assert "two runs have int8 of Net" in capsys.readouterr().err
