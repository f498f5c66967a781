"""Digests of files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from lightning_trt.errors import StorageError

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["sha256_of", "sha256_of_stream"]

_CHUNK_BYTES = 1 << 20


def sha256_of(path: Path | str) -> str:
    """SHA-256 of the file at `path`, in 64 hexadecimal digits, read in pieces.

    Raises:
        StorageError: The file cannot be read.
    """
    try:
        if not S_ISREG(Path(path).stat().st_mode):  # a device or a pipe may never end
            raise OSError("it is a folder, a device or a pipe")  # noqa: TRY301 - told below, like a file that is gone
        with Path(path).open("rb") as file:
            return sha256_of_stream(file)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise StorageError(
            f"cannot read {path} to take its digest: {why}. Check that it is a file that you may "
            "read; if it was removed, export again."
        ) from error


def sha256_of_stream(file: BinaryIO) -> str:
    """SHA-256 of what is left to read in `file`, in 64 hexadecimal digits.

    Example:
        >>> import io
        >>> from lightning_trt.storage import sha256_of_stream
        >>> sha256_of_stream(io.BytesIO(b""))[:8]
        'e3b0c442'
    """
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
