"""The command in a process of its own, where only little is installed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cli.runs import FAILS, a_run
from stages.gate.reports import candidate

from lightning_trt.cli import main

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT = """
import sys
missing = ("torch", "onnx", "onnx_ir", "onnxruntime", "tensorrt", "pytorch_lightning", "lightning", "torchmetrics",
           "scipy", "hydra", "omegaconf")
sys.modules.update(dict.fromkeys(missing))  # None there: importing it is an error
from lightning_trt.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_gate_needs_no_torch(tmp_path: Path) -> None:
    """Nor ONNX, nor a backend, nor Lightning, with all that it can write."""
    (tmp_path / "gate.yaml").write_text("max_drop: 0.01", encoding="utf-8")
    run = a_run(tmp_path / "run", candidate("int8", FAILS))
    files = ["--config", "gate.yaml", "--markdown", "gate.md", "--junit", "gate.xml"]

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT, "gate", str(run), *files],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, "")
    assert "val/acc drop <= 0.0100" in done.stdout
    assert (tmp_path / "gate.xml").exists()


def test_module_is_the_command(tmp_path: Path) -> None:
    """`python -m lightning_trt.cli`, for where scripts are not on the path."""
    command = [sys.executable, "-m", "lightning_trt.cli", "gate", str(a_run(tmp_path))]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Gate: pass.")


@pytest.mark.parametrize(
    "command",
    ["", *("gate", "report", "compare", "baseline", "baseline update", "inspect", "reproduce", "triton", "doctor")],
)
def test_help_fits_on_a_narrow_terminal(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line is longer than 80 columns; that of `export` is Hydra's, and tested with it."""
    monkeypatch.setenv("COLUMNS", "80")

    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])

    lines = capsys.readouterr().out.splitlines()
    assert (ended.value.code, lines[0].startswith(f"usage: lightning-trt {command}".strip())) == (0, True)
    assert max(map(len, lines)) <= 80
