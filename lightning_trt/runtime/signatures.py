"""`manifest.sig`: who vouches for an engine. Ed25519 over the bytes of its manifest, which has every file's digest.

The one room that uses the package cryptography. Opens without torch.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_trt.errors import EnvironmentNotReadyError, ManifestError, SettingsError, SignatureError
from lightning_trt.runtime import manifest
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["SIGNATURE", "sign", "verify"]

SIGNATURE = "manifest.sig"
"""Name of the file beside the manifest: the 64 bytes of the signature."""

_MAKE_ONE = "`openssl genpkey -algorithm ed25519 -out key.pem`, and `openssl pkey -in key.pem -pubout -out key.pub`"


def sign(folder: Path | str, *, key_path: Path | str) -> Path:
    """Path of the signature, written beside the manifest in `folder`, once every file of the engine had its digest.

    Args:
        folder: Folder of an engine, or of a candidate with several.
        key_path: PEM file with a private Ed25519 key, not encrypted.

    Raises:
        ManifestError: The manifest is missing or damaged.
        DigestMismatchError: A file is not the one that was built.
        SettingsError: There is no such key.
        EnvironmentNotReadyError: The package cryptography is missing.

    Example::

        sign("trt/best-1f0c7a3e/int8-mse", key_path="key.pem")
    """
    key = _key(Path(key_path), "private")
    manifest.check_files(manifest.read(folder))
    signature: bytes = key.sign(_told(Path(folder)))
    return write_whole(Path(folder) / SIGNATURE, signature)


def verify(folder: Path | str, *, key_path: Path | str) -> None:
    """Raise unless the manifest in `folder` was signed with this key's private part, and every file is as it says.

    Args:
        folder: Folder of an engine, or of a candidate with several.
        key_path: PEM file with the public Ed25519 key.

    Raises:
        SignatureError: There is no signature, or it is not of this manifest by this key.
        ManifestError: The manifest is missing or damaged.
        DigestMismatchError: A file is not the one that was built.
        SettingsError: There is no such key.
        EnvironmentNotReadyError: The package cryptography is missing.

    Example::

        verify("trt/best-1f0c7a3e/int8-mse", key_path="key.pub")
    """
    key = _key(Path(key_path), "public")
    where = Path(folder)
    told, signature = _told(where), _signature(where / SIGNATURE)
    try:
        key.verify(signature, told)
    except _package("cryptography.exceptions").InvalidSignature as error:
        raise SignatureError(
            f"{where / SIGNATURE} is no signature of {where / manifest.MANIFEST} by the key in {key_path}: the "
            "manifest was changed after it was signed, or another key signed it. Take the folder from who signed it, "
            "or give the public part of their key."
        ) from error
    manifest.check_files(manifest.read(where))


def _told(folder: Path) -> bytes:
    try:
        return (folder / manifest.MANIFEST).read_bytes()
    except OSError as error:
        raise ManifestError(
            f"there is no readable {manifest.MANIFEST} in {folder}: {error.strerror or error}. Give the folder of an "
            "engine, or of a run."
        ) from error


def _signature(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SignatureError(
            f"{path} cannot be read: {error.strerror or error}. The engine was not signed, or its signature was not "
            "copied along: lightning-trt sign FOLDER --key KEY writes it."
        ) from error


def _key(path: Path, part: str) -> Any:  # noqa: ANN401 - a key of a package that may not be there
    """The private or the public key in a PEM file."""
    pem, ed25519 = _package("cryptography.hazmat.primitives.serialization"), _package(f"{_ASYMMETRIC}.ed25519")
    try:
        content = path.read_bytes()
        key = pem.load_pem_private_key(content, None) if part == "private" else pem.load_pem_public_key(content)
    except (OSError, ValueError, TypeError, _package("cryptography.exceptions").UnsupportedAlgorithm) as error:
        raise SettingsError(
            f"{path} is no readable file of a {part} key: {error}. Make a pair with {_MAKE_ONE}."
        ) from error
    if not isinstance(key, getattr(ed25519, f"Ed25519{part.capitalize()}Key")):
        raise SettingsError(f"{path} holds a {part} key of another kind than Ed25519. Make a pair with {_MAKE_ONE}.")
    return key


_ASYMMETRIC = "cryptography.hazmat.primitives.asymmetric"


def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise EnvironmentNotReadyError(
            f"signatures need the package cryptography, which cannot be imported: {error}. Install it: pip install "
            "'lightning-trt[sign]'"
        ) from error
