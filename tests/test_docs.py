"""What is written for readers points at things that exist."""

from __future__ import annotations

import ast
import re
import shutil
from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from zoo import Classifier, Images

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
CLASSES = {
    node.name
    for path in (ROOT / "lightning_trt").rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.ClassDef)
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_resolve(page: Path) -> None:
    """Every link to a file of the repository leads to one."""
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_glossary_names_types_that_exist() -> None:
    """A type that was renamed is renamed in the glossary too."""
    named = re.findall(r"`([A-Z]\w+)`", (ROOT / "docs" / "glossary.md").read_text())

    assert set(named) - CLASSES == set()


@pytest.mark.filterwarnings("ignore")  # a verdict on a net that hardly learned may be in doubt
def test_the_snippets_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, as somebody would copy them, with a module and data of their own."""
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
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
