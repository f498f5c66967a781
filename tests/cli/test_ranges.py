"""What ranges clip, on the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser
from typing import TYPE_CHECKING

import pytest
from zoo import Classifier, Images
from zoo.exporting import quick

from lightning_trt import export
from lightning_trt.calibrators import load_ranges, save_ranges
from lightning_trt.cli.ranges import add_flag, ranges_of, show_ranges
from lightning_trt.errors import SettingsError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

_WITHOUT_TORCH = """import sys
sys.modules.update(dict.fromkeys(["torch", "onnx", "onnx_ir", "onnxruntime", "pytorch_lightning", "scipy"]))
from lightning_trt.cli.ranges import show_ranges
show_ranges(sys.argv[1], most=2, as_json=False)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two candidates in int8."""
    settings = quick(
        precisions=("int8",), calibrators=("minmax", "mse"), dirpath=tmp_path_factory.mktemp("trt"), on_gate_fail="warn"
    )
    return export(Classifier(), Images(), **settings).path


def test_those_that_lose_most_come_first(run: Path) -> None:
    """Each candidate has its own ranges over the same tensors."""
    found = ranges_of(run)

    ratios = [fit.snr_db for fit in found["int8-minmax"] if fit.snr_db is not None]
    assert ratios == sorted(ratios)
    assert {name: len(fits) for name, fits in found.items()} == dict.fromkeys(("int8-minmax", "int8-mse"), len(ratios))


def test_minmax_clips_nothing(run: Path) -> None:
    """And `mse` never loses more signal than it."""
    found = ranges_of(run)

    minmax, mse = ({fit.name: fit for fit in found[name]} for name in ("int8-minmax", "int8-mse"))
    assert {fit.clipped for fit in minmax.values()} == {0.0}
    assert all((mse[name].snr_db or 0) >= (minmax[name].snr_db or 0) - 1e-9 for name in minmax)


def test_the_table_needs_no_torch(run: Path) -> None:
    """It is read on machines that have none, and fits a narrow terminal."""
    finished = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TORCH, str(run)], capture_output=True, text=True, check=False
    )

    assert (finished.returncode, finished.stderr) == (0, "")
    assert "SNR dB" in finished.stdout
    assert "that lose less" in finished.stdout


def test_json_has_every_tensor(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs."""
    show_ranges(run, most=1, as_json=True)

    document = json.loads(capsys.readouterr().out)
    assert [fit["name"] for fit in document["int8-mse"]] == [fit.name for fit in ranges_of(run)["int8-mse"]]


def test_a_run_without_int8_says_so(tmp_path: Path) -> None:
    """And what to do."""
    path = export(Classifier(), Images(), **quick(dirpath=tmp_path)).path

    with pytest.raises(SettingsError, match="no int8 candidate"):
        ranges_of(path)


def test_ranges_of_another_graph_are_refused(run: Path) -> None:
    """With a tensor that the other lacks."""
    path = run / "int8-mse" / "ranges.json"
    before = load_ranges(path)
    save_ranges(type(before)(tensors={"strange": before.tensors["input"]}), path)

    with pytest.raises(StorageError, match="are not of one graph"):
        ranges_of(run)

    save_ranges(before, path)


@pytest.mark.parametrize("text", ["", "{", '{"version": 2, "tensors": {}}', '{"version": 1, "tensors": {"x": 3}}'])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    """By name."""
    (tmp_path / "ranges.json").write_text(text)

    with pytest.raises(StorageError, match=r"ranges\.json"):
        load_ranges(tmp_path / "ranges.json")


def test_inspect_learns_the_flag() -> None:
    """It is off unless asked for."""
    parser = ArgumentParser()
    add_flag(parser)

    assert (parser.parse_args([]).ranges, parser.parse_args(["--ranges"]).ranges) == (False, True)
