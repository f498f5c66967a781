"""Digests of files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from lightning_trt.errors import StorageError
from lightning_trt.storage import sha256_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("size", [0, 5, (1 << 20) + 7], ids=["empty", "small", "several pieces"])
def test_digest_is_that_of_all_bytes(tmp_path: Path, size: int) -> None:
    """Reading in pieces changes nothing."""
    path = tmp_path / "model.engine"
    path.write_bytes(b"e" * size)

    assert sha256_of(path) == hashlib.sha256(b"e" * size).hexdigest()


def test_digest_of_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    """The sentence names the file and says what to do."""
    with pytest.raises(StorageError, match=r"model\.engine.*No such file.*export again"):
        sha256_of(tmp_path / "model.engine")
