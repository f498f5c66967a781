"""`lightning-trt inspect`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from backends.engines import built, net
from cli.runs import a_run

from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.cli import main
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """The residual net in int8."""
    return built(net("residual"), OnnxRuntime(), precision=Precision.int8, into=tmp_path / "int8")


def test_an_engine_is_told_with_its_layers(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """What it takes, what its layers compute in, and which of them take the time."""
    assert main(["inspect", str(engine.folder)]) == 0

    said = capsys.readouterr().out
    assert "input_0 float32[batch, 3, 16, 16]" in said
    assert "int8" in said
    assert "Conv" in said


def test_json_has_every_layer(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """The slowest first, in milliseconds."""
    main(["inspect", str(engine.folder), "--json", "--batch", "3", "--runs", "2"])

    (told,) = json.loads(capsys.readouterr().out)["engines"]
    times = [each["ms"] for each in told["times"]]
    assert told["precision"] == "int8, calibrated by minmax"
    assert times == sorted(times, reverse=True)
    assert told["why_no_times"] is None


def test_what_cannot_be_timed_is_told_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence says what to give."""
    engine = built(net("text"), OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "text")

    assert main(["inspect", str(engine.folder)]) == 0
    assert "The layers were not timed: no size is known for the axis 'tokens'" in capsys.readouterr().out


def test_another_axis_may_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its name."""
    engine = built(net("text"), OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "text")

    main(["inspect", str(engine.folder), "--axis", "tokens=5"])

    assert "not timed" not in capsys.readouterr().out


@pytest.mark.parametrize("typed", ["tokens", "tokens=", "=4", "tokens=four"])
def test_an_axis_without_a_size_is_a_usage_error(
    engine: Engine, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and how to write it."""
    assert main(["inspect", str(engine.folder), "--axis", typed]) == 2
    assert "e.g. --axis tokens=128" in capsys.readouterr().err


def test_a_run_lists_its_engines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the line to inspect each."""
    assert main(["inspect", str(a_run(tmp_path / "run"))]) == 0
    assert re.search(r"lightning-trt inspect \S*/int8\n", capsys.readouterr().out)


def test_a_changed_engine_is_a_usage_error(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not opened."""
    (engine.folder / engine.file).write_bytes(b"x")

    assert main(["inspect", str(engine.folder)]) == 2
    assert "is not the file that was built" in capsys.readouterr().err
