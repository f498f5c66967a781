"""Folders for a while."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from lightning_trt.storage import clean_temporary, temporary_folder

if TYPE_CHECKING:
    from pathlib import Path

_DIE_IN_ONE = """import os, signal; from lightning_trt.storage import temporary_folder
with temporary_folder() as folder:
    (folder / "weights").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, here and in processes that are started here."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_temporary_folder_is_gone_after_the_block(place: Path) -> None:
    """With all that is in it."""
    with temporary_folder() as folder:
        (folder / "weights").write_text("x")
        mode = folder.stat().st_mode & 0o777

    assert (mode, list(place.iterdir())) == (0o700, [])


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_what_a_killed_process_left_is_cleaned_by_a_later_one(place: Path) -> None:
    """And the folder of a process that lives is not."""
    subprocess.run([sys.executable, "-c", _DIE_IN_ONE], check=False, timeout=60)

    with temporary_folder() as mine:
        left = len(list(place.iterdir()))
        cleaned = clean_temporary()

        assert (left, len(cleaned), list(place.iterdir())) == (2, 1, [mine])
