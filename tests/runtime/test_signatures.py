"""Signatures of manifests, with real keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backends.engines import candidate, net
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.cli import main
from lightning_trt.errors import DigestMismatchError, SettingsError, SignatureError
from lightning_trt.loading import load
from lightning_trt.precision import Precision
from lightning_trt.runtime.signatures import SIGNATURE, sign, verify

if TYPE_CHECKING:
    from pathlib import Path


def keys(folder: Path, *, kind: type[Ed25519PrivateKey | X25519PrivateKey] = Ed25519PrivateKey) -> tuple[Path, Path]:
    """Files of a private and a public key."""
    folder.mkdir()
    key = kind.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pem").write_bytes(private)
    (folder / "key.pub").write_bytes(public)
    return folder / "key.pem", folder / "key.pub"


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """Folder of an engine in a run of one."""
    into = tmp_path / "run" / "fp32"
    return candidate(net("residual"), OnnxRuntime(), precision=Precision.fp32, into=into).folder


def test_signed_engine_verifies_and_loads(engine: Path, tmp_path: Path) -> None:
    """The signature lies beside the manifest and is in nobody's way."""
    private, public = keys(tmp_path / "keys")

    written = sign(engine, key_path=private)

    assert written == engine / SIGNATURE
    verify(engine, key_path=public)
    load(engine)


@pytest.mark.parametrize("place", [0, 100, -2], ids="byte {}".format)
def test_changed_manifest_does_not_verify(engine: Path, tmp_path: Path, place: int) -> None:
    """Not even by one bit."""
    private, public = keys(tmp_path / "keys")
    sign(engine, key_path=private)
    content = bytearray((engine / "manifest.json").read_bytes())
    content[place] ^= 1
    (engine / "manifest.json").write_bytes(content)

    with pytest.raises(SignatureError, match="was changed after it was signed"):
        verify(engine, key_path=public)


def test_changed_engine_does_not_verify(engine: Path, tmp_path: Path) -> None:
    """The manifest has the digests, and they are held against the files."""
    private, public = keys(tmp_path / "keys")
    sign(engine, key_path=private)
    (engine / "model.onnx").write_bytes(b"another")

    with pytest.raises(DigestMismatchError):
        verify(engine, key_path=public)


def test_engine_that_was_changed_is_not_signed(engine: Path, tmp_path: Path) -> None:
    """Nobody vouches for what was not built."""
    private, _ = keys(tmp_path / "keys")
    (engine / "model.onnx").write_bytes(b"another")

    with pytest.raises(DigestMismatchError):
        sign(engine, key_path=private)


def test_another_key_does_not_verify(engine: Path, tmp_path: Path) -> None:
    """Whoever made it."""
    private, _ = keys(tmp_path / "keys")
    _, other = keys(tmp_path / "other")
    sign(engine, key_path=private)

    with pytest.raises(SignatureError, match="another key signed it"):
        verify(engine, key_path=other)


def test_signature_of_another_engine_does_not_verify(engine: Path, tmp_path: Path) -> None:
    """By the same key."""
    private, public = keys(tmp_path / "keys")
    into = tmp_path / "other"
    other = candidate(net("residual"), OnnxRuntime(), precision=Precision.fp16, into=into).folder
    (engine / SIGNATURE).write_bytes(sign(other, key_path=private).read_bytes())

    with pytest.raises(SignatureError):
        verify(engine, key_path=public)


def test_missing_signature_is_told(engine: Path, tmp_path: Path) -> None:
    """With the command that writes one."""
    _, public = keys(tmp_path / "keys")

    with pytest.raises(SignatureError, match="lightning-trt sign"):
        verify(engine, key_path=public)


def test_public_key_does_not_sign(engine: Path, tmp_path: Path) -> None:
    """The sentence says how a pair is made."""
    _, public = keys(tmp_path / "keys")

    with pytest.raises(SettingsError, match="no readable file of a private key"):
        sign(engine, key_path=public)


def test_key_of_another_kind_is_refused(engine: Path, tmp_path: Path) -> None:
    """X25519 keys agree on secrets and sign nothing."""
    private, _ = keys(tmp_path / "keys", kind=X25519PrivateKey)

    with pytest.raises(SettingsError, match="another kind than Ed25519"):
        sign(engine, key_path=private)


def test_commands_sign_and_verify_a_run(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All engines of it."""
    private, public = keys(tmp_path / "keys")

    codes = [
        main([word, str(engine.parent), "--key", str(key)]) for word, key in (("sign", private), ("verify", public))
    ]

    assert codes == [0, 0]
    assert f"Verified: {engine}" in capsys.readouterr().out


def test_command_says_no_with_exit_code_1(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that a job ends there."""
    _, public = keys(tmp_path / "keys")

    assert main(["verify", str(engine), "--key", str(public)]) == 1
    assert "was not signed" in capsys.readouterr().err


def test_command_without_a_key_file_is_usage(engine: Path, tmp_path: Path) -> None:
    """Exit code 2, as all that was typed wrongly."""
    assert main(["verify", str(engine), "--key", str(tmp_path / "absent.pub")]) == 2


def test_folder_without_engines_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was expected."""
    _, public = keys(tmp_path / "keys")

    assert main(["verify", str(tmp_path), "--key", str(public)]) == 1
    assert "holds no engine" in capsys.readouterr().err
