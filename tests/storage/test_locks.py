"""One writer at a time."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lightning_trt.errors import StorageError
from lightning_trt.storage import locked

if TYPE_CHECKING:
    from pathlib import Path

_HOLD = """import sys; from lightning_trt.storage import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_waits_for_another_process_and_then_gives_up(tmp_path: Path) -> None:
    """While another process holds it there is a StorageError; when that one was killed the lock is free."""
    path = tmp_path / "run"
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()

        with (
            pytest.raises(StorageError, match=r"held by another process for 0\.1 s"),
            locked(path, timeout_seconds=0.1),
        ):
            pass
        other.kill()
        other.wait()

        with locked(path, timeout_seconds=10) as held:
            assert held == path


def test_a_lock_in_a_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    """The sentence says what to do."""
    (tmp_path / "file").write_text("x")

    with pytest.raises(StorageError, match="cannot write the lock file"), locked(tmp_path / "file" / "run"):
        pass
