"""An engine's folder as bytes, so that a `state_dict` can carry it. Opens without torch."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING
from weakref import finalize

from lightning_trt.errors import ForeignEngineError, ManifestError
from lightning_trt.runtime import manifest
from lightning_trt.storage import is_inside, made_temporary_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lightning_trt.artifacts import Engine

__all__ = ["TemporaryFolder", "check_likeness", "packed", "unpacked"]


class TemporaryFolder:
    """An empty folder at `path`, which is removed with the last that holds this."""

    def __init__(self) -> None:
        self.path = made_temporary_folder()
        finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def packed(engine: Engine) -> dict[str, bytes]:
    """Every file in the engine's folder, its manifest among them, by its path there.

    But links that lead out of it: whoever gets a state dict shall not get what they point to.
    """
    home = engine.folder.resolve()
    files = sorted(path for path in engine.folder.rglob("*") if path.is_file() and path.resolve().is_relative_to(home))
    return {path.relative_to(engine.folder).as_posix(): path.read_bytes() for path in files}


def unpacked(files: Mapping[str, bytes], *, into: Path) -> Engine:
    """The engine that these files are, in the existing folder `into`.

    Raises:
        ManifestError: There is no manifest among them, or it is damaged.
        DigestMismatchError: A file is missing, or not the one that was built.
    """
    for name, content in files.items():
        if not is_inside(name) or "\\" in name:
            raise ManifestError(
                f"the engine's files have {name!r} among them, which lies outside its folder. Take the state dict as "
                "it was saved."
            )
        path = into / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            raise ManifestError(
                f"the engine's file {name!r} cannot be written to {into}: {error}. Take the state dict as it was "
                "saved, and see that there is space in the folder for temporary files."
            ) from error
    found = manifest.read(into)
    manifest.check_files(found)
    return next(iter(found.engines.values()))


def check_likeness(engine: Engine, like: Engine) -> None:
    """Raise `ForeignEngineError` unless `engine` stands for what `like` stands for, on the same backend and machine."""
    if (engine.backend, engine.boundary) != (like.backend, like.boundary):
        raise ForeignEngineError(
            f"the state dict holds the engine of {engine.boundary.folder!r} on {engine.backend}; expected "
            f"{like.boundary.folder!r} on {like.backend}, with the same inputs and outputs. Load it into a module of "
            "such an engine."
        )
    manifest.check_host(engine, environment=like.environment)
