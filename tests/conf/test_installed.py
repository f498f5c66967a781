"""The plugin as it is installed: from a wheel, in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

APPLICATION = """
import hydra
from hydra.utils import instantiate

@hydra.main(version_base="1.3", config_path=None)
def main(config):
    import lightning_trt
    callback = instantiate(config.callbacks.trt_export)
    print(lightning_trt.__file__, [each.value for each in callback.settings.precisions])

main()
"""

STRANGER = """
import sys
import hydra

@hydra.main(version_base="1.3", config_path=None)
def main(config):
    print(config, sorted({"torch", "numpy", "lightning_trt.settings"} & set(sys.modules)))

main()
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was installed, built from a copy: setuptools leaves its own folders behind."""
    source, into = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for name in ("lightning_trt", "hydra_plugins"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(into), str(source)], check=True, capture_output=True)
    return into


def said(application: str, site: Path, folder: Path, *overrides: str) -> str:
    """What an application printed, with the installed wheel before all else that is there."""
    (folder / "app.py").write_text(application)
    run = subprocess.run(
        [sys.executable, "app.py", *overrides],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_an_application_has_the_callback(site: Path, tmp_path: Path) -> None:
    """With no config of its own and nothing copied."""
    overrides = ("+lightning_trt/callbacks=trt_export", "+lightning_trt/precision=[fp16,int8]")

    printed = said(APPLICATION, site, tmp_path, *overrides)

    assert printed.split(maxsplit=1) == [str(site / "lightning_trt" / "__init__.py"), "['fp16', 'int8']\n"]


def test_an_application_that_uses_nothing_of_ours_pays_nothing(site: Path, tmp_path: Path) -> None:
    """Its config is empty, and neither torch nor our settings were imported."""
    assert said(STRANGER, site, tmp_path) == "{} []\n"
