"""What is written for readers points at things that exist."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from zoo import Classifier, Images

from lightning_trt import errors

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
CLASSES = {
    node.name
    for path in (ROOT / "lightning_trt").rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.ClassDef)
}


def python_of(page: str) -> list[str]:
    """The blocks of Python on a page."""
    found: list[str] = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    return found


def is_script(block: str) -> bool:
    """Whether a block has all that it needs, its own Trainer too."""
    return "import Trainer" in block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_resolve(page: Path) -> None:
    """Every link to a file of the repository leads to one."""
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_python_on_a_page_is_python(page: Path) -> None:
    """Also a block that is a part of something, and is not run."""
    for block in python_of(page.relative_to(ROOT).as_posix()):
        ast.parse(block)


def test_glossary_names_types_that_exist() -> None:
    """A type that was renamed is renamed in the glossary too."""
    named = re.findall(r"`([A-Z]\w+)`", (ROOT / "docs" / "glossary.md").read_text())

    assert set(named) - CLASSES == set()


@pytest.mark.filterwarnings("ignore")  # a verdict on a net that hardly learned may be in doubt
def test_the_snippets_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, as somebody would copy them, with a module and data of their own."""
    monkeypatch.chdir(tmp_path)
    snippets = [each for each in python_of("README.md") if not is_script(each)]
    quiet = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    images = torch.zeros(4, 1, 8, 8)
    known = {
        "Trainer": partial(pl.Trainer, max_epochs=1, **quiet),
        "ModelCheckpoint": pl.callbacks.ModelCheckpoint,
        "module": Classifier(),
        "dm": Images(num_train=256, num_samples=2000, batch_size=100),
        "images": images,
        "inputs": {"input": images.numpy()},
    }

    for snippet in snippets:
        exec(snippet, known)  # noqa: S102 - our own page
        shutil.copy(known["trainer"].checkpoint_callback.best_model_path, "best.ckpt")

    assert known["outputs"]


def test_the_first_example_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    """In an empty folder and a Python of its own: ten lines, a report, and a gate that passes."""
    (script,) = filter(is_script, python_of("README.md"))
    (tmp_path / "ten.py").write_text(script)

    run = subprocess.run(
        [sys.executable, "ten.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    (report,) = (tmp_path / "engines").rglob("report.json")
    assert run.returncode == 0, run.stderr[-4000:]
    assert json.loads(report.read_text())["verdict"] == "pass"
    assert len(list(filter(None, script.splitlines()))) == 10


def test_the_page_of_errors_has_every_error() -> None:
    """A heading for each that can be met, and no other."""
    page = (ROOT / "docs" / "errors.md").read_text()

    family = {name for name in errors.__all__ if name.endswith("Error")}
    assert set(re.findall(r"^### (\w+)$", page, re.MULTILINE)) == family
    assert set(re.findall(r"(\w+Error)$", page.split("```")[1], re.MULTILINE)) == family


@pytest.mark.filterwarnings("ignore")  # Lightning's advice, and a verdict on few samples may be in doubt
def test_the_quick_start_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block by block, as somebody copies it."""
    monkeypatch.chdir(tmp_path)
    blocks = python_of("docs/quick-start.md")
    known: dict[str, object] = {"__name__": "quick_start"}

    for block in blocks:
        exec(block, known)  # noqa: S102 - our own page

    assert known["logits"].shape == (5, 10)


def test_the_site_is_built_without_a_complaint(tmp_path: Path) -> None:
    """Strictly: a link or an anchor that leads nowhere, and a page that no menu has, are errors."""
    if find_spec("mkdocs") is None or find_spec("mkdocstrings") is None:
        pytest.skip("needs mkdocs, which is not installed: pip install --group docs")

    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert "TRTExportCallback" in (tmp_path / "site" / "reference" / "python.html").read_text()
