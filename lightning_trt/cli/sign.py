"""`lightning-trt sign` and `verify`: who vouches for the engines of a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.cli.exits import Exit
from lightning_trt.errors import EngineError, EnvironmentNotReadyError, ManifestError
from lightning_trt.runtime import manifest, signatures

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

__all__ = ["add_to", "sign", "verify"]

_KEYS = {"sign": "PEM file with a private Ed25519 key", "verify": "PEM file with the public key"}


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Nothing; `commands` then has these two."""
    meanings = {"sign": "sign the manifests of a run's engines", "verify": "check signatures and digests of a run"}
    for name, run in (("sign", sign), ("verify", verify)):
        parser = commands.add_parser(name, help=meanings[name], description=__doc__)
        parser.add_argument("folder", type=Path, metavar="RUN", help="folder of an engine, or of a run, for all of its")
        parser.add_argument("--key", type=Path, required=True, metavar="FILE", help=_KEYS[name])
        parser.set_defaults(run=run)


def sign(asked: Namespace) -> Exit:
    """0; a signature lies beside the manifest of each engine. 1 where an engine is not as it was built."""
    try:
        for folder in _engines(asked.folder):
            print(f"Signed: {signatures.sign(folder, key_path=asked.key)}")
    except (EngineError, EnvironmentNotReadyError) as error:
        return _refused("sign", error)
    return Exit.ok


def verify(asked: Namespace) -> Exit:
    """0 where each engine was signed with the key and is as it was built; 1 where one is not, which is told."""
    try:
        for folder in _engines(asked.folder):
            signatures.verify(folder, key_path=asked.key)
            print(f"Verified: {folder}")
    except (EngineError, EnvironmentNotReadyError) as error:
        return _refused("verify", error)
    return Exit.ok


def _engines(folder: Path) -> list[Path]:
    """The folder itself where it has a manifest, else those of a run's engines."""
    if (folder / manifest.MANIFEST).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{manifest.MANIFEST}"))
    if not found:
        raise ManifestError(
            f"{folder} holds no engine: there is no {manifest.MANIFEST} in it, nor in a folder of it. Give the folder "
            "of an engine, or of a run."
        )
    return found


def _refused(command: str, error: EngineError | EnvironmentNotReadyError) -> Exit:
    sys.stderr.write(f"lightning-trt {command}: {error}\n")
    return Exit.environment if isinstance(error, EnvironmentNotReadyError) else Exit.not_verified
