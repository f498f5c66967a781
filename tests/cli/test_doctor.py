"""`lightning-trt doctor`: what is here, as a person and as a program reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import onnxruntime
import pytest
import torch
from cli.test_start import WITHOUT

from lightning_trt.cli import main
from lightning_trt.cli.exits import Exit
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from pathlib import Path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    code = main(["doctor", *arguments])
    return code, capsys.readouterr().out


def test_it_names_versions_and_backends(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are installed, and in which precisions each backend builds."""
    code, text = said(capsys)

    assert code == Exit.ok
    assert f"torch          {torch.__version__}" in text
    assert f"backend onnxruntime {onnxruntime.__version__}: fp32, fp16, int8" in text


def test_each_no_has_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do instead."""
    _, text = said(capsys)

    assert "  tf32: no. onnxruntime has no tf32 on the processor. Ask for fp32 here" in text


def test_a_backend_that_cannot_work_is_exit_4(capsys: pytest.CaptureFixture[str]) -> None:
    """And the sentence says what to install."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here: TensorRT may work")

    code, text = said(capsys, "--backend", "tensorrt")

    assert code == Exit.environment == 4
    assert "backend tensorrt: no." in text


def test_a_backend_that_works_is_exit_0(capsys: pytest.CaptureFixture[str]) -> None:
    """ONNX Runtime does everywhere."""
    assert said(capsys, "--backend", "onnxruntime")[0] == Exit.ok


def test_json_holds_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """None where a precision can be had, else the reason."""
    _, text = said(capsys, "--json")

    found = json.loads(text)
    assert set(found["backends"]) == {"tensorrt", "tensorrt_rtx", "onnxruntime"}
    assert set(found["backends"]["onnxruntime"]["precisions"]) == {each.value for each in Precision}
    assert found["packages"]["torch"] == torch.__version__


def test_an_unknown_backend_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence names the nearest."""
    code = main(["doctor", "--backend", "tensort"])

    assert code == Exit.usage
    assert "Did you mean 'tensorrt'" in capsys.readouterr().err


def test_platforms_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each device."""
    code, text = said(capsys, "--platforms")

    assert code == Exit.ok
    assert "Jetson TX2" in text
    assert "RTX 50" in text


def test_platforms_fit_80_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal's."""
    monkeypatch.setenv("COLUMNS", "80")

    _, text = said(capsys, "--platforms")

    assert max(map(len, text.splitlines())) <= 80


def test_platforms_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """With the addresses of their sources."""
    _, text = said(capsys, "--platforms", "--json")

    rows = {row["names"][0]: row for row in json.loads(text)}
    assert rows["Jetson TX2"]["precisions"] == ["fp32", "fp16"]
    assert all(address.startswith("https://") for address in rows["Jetson TX2"]["sources"])


def test_markdown_alone_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It is the page of the platforms."""
    code = main(["doctor", "--markdown", str(tmp_path / "page.md")])

    assert code == Exit.usage
    assert "Give both" in capsys.readouterr().err


def test_it_works_where_nothing_is_installed() -> None:
    """A doctor that needs a healthy patient is none: without torch it says that torch is missing."""
    command = [sys.executable, "-W", "error", "-c", WITHOUT, "doctor", "--backend", "onnxruntime"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (4, "")
    assert "backend onnxruntime: no." in done.stdout


def test_a_gpu_is_told_as_its_driver_tells_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By nvidia-smi, which stands here as a script of two lines: no GPU is needed to read what it prints."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        '#!/bin/sh\n[ -n "$1" ] && echo "NVIDIA H100 80GB HBM3, 580.95.05, 9.0, 81559 MiB" && exit\n'
        'echo "| NVIDIA-SMI 580.95.05   Driver Version: 580.95.05   CUDA Version: 13.0 |"\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    _, text = said(capsys)

    assert "GPU            NVIDIA H100 80GB HBM3, compute capability 9.0, 81559 MiB" in text
    assert "driver         580.95.05, for CUDA up to 13.0" in text
