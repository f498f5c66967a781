"""Digests of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lightning_trt.errors import StorageError

__all__ = ["sha256_of"]

_CHUNK_BYTES = 1 << 20


def sha256_of(path: Path | str) -> str:
    """SHA-256 of the file at `path`, in 64 hexadecimal digits, read in pieces.

    Raises:
        StorageError: The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise StorageError(
            f"cannot read {path} to take its digest: {error.strerror or error}. Check that it is a file that you may "
            "read; if it was removed, export again."
        ) from error
    return digest.hexdigest()
