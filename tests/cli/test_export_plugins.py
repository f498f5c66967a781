"""What a sweep may ask for and is a package of its own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from lightning_trt.cli import main
from lightning_trt.cli.export_plugins import why_no_plugin

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(find_spec("hydra_plugins.hydra_ray_launcher") is not None, reason="Ray's launcher is installed")
def test_a_launcher_that_is_not_installed_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the line that mends it, and the exit code of what the environment lacks."""
    code = main(["export", "-m", str(tmp_path / "best.ckpt"), "launcher=ray"])

    assert code == 4
    assert capsys.readouterr().err == (
        "lightning-trt export: launcher=ray needs hydra-ray-launcher, which is not installed. Install it: pip install "
        "hydra-ray-launcher\n"
    )


@pytest.mark.parametrize("word", ["launcher=joblib", "hydra/launcher=submitit_slurm", "search=accuracy"])
def test_one_that_is_installed_is_none(word: str) -> None:
    """Those of the extra `sweep`."""
    assert why_no_plugin(["-m", word]) is None
