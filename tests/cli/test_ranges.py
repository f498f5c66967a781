"""What ranges clip, on the terminal."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cli.runs import a_run
from zoo import Classifier, Images
from zoo.exporting import quick

from lightning_trt import export
from lightning_trt.calibrators import load_ranges, save_ranges
from lightning_trt.cli import main
from lightning_trt.cli.ranges import ranges_of, show_ranges
from lightning_trt.errors import SettingsError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

_WITHOUT_TORCH = """import sys
sys.modules.update(dict.fromkeys(["torch", "onnx", "onnx_ir", "onnxruntime", "pytorch_lightning", "scipy"]))
from lightning_trt.cli import main
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


def test_inspect_shows_them(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With as many tensors as are asked for."""
    assert main(["inspect", str(run), "--ranges", "--top", "2"]) == 0
    assert capsys.readouterr().out.count("that lose less") == 2


def test_inspect_of_a_run_without_int8_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that was only read has neither ranges nor statistics."""
    assert main(["inspect", str(a_run(tmp_path / "run")), "--ranges"]) == 2
    assert "has no int8 candidate with a ranges.json" in capsys.readouterr().err


def test_the_page_has_them(run: Path) -> None:
    """The run itself wrote them."""
    page = (run / "report.html").read_text(encoding="utf-8")

    assert "Tensors that lose most" in page
    assert "Range by range" in page


def test_report_writes_the_same_page_again(run: Path, tmp_path: Path) -> None:
    """Statistics and ranges lie in the run's folder."""
    main(["report", str(run), "--into", str(tmp_path)])

    assert (tmp_path / "report.html").read_bytes() == (run / "report.html").read_bytes()


def test_report_says_where_the_statistics_are_gone(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And writes the rest of the page."""
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "statistics.npz").unlink()

    assert main(["report", str(tmp_path / "run")]) == 0
    assert "The page has no tensors that lose most" in capsys.readouterr().out
    assert "Tensors that lose most" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
