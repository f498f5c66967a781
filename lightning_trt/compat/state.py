"""An engine's folder as the state of a module: uint8 tensors and strings alone, and back, checked before it is opened.

Keys are `manifest`, the text of the manifest, and `files.<path>`, the bytes of each file that the manifest lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lightning_trt.errors import ManifestError
from lightning_trt.runtime import manifest
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["MANIFEST", "packed", "unpacked"]

MANIFEST = "manifest"
"""Key of the manifest's text."""

_FILES = "files."


def packed(folder: Path) -> dict[str, Tensor | str]:
    """The folder as a state; every file is the one that the manifest lists.

    Raises:
        ManifestError: There is no manifest.
        DigestMismatchError: A file is not the one that was built.
    """
    found = manifest.read(folder)
    manifest.check_files(found)
    text = (folder / manifest.MANIFEST).read_text(encoding="utf-8")
    bytes_of = {name: np.fromfile(folder / name, np.uint8) for name in sorted(found.files)}
    return {MANIFEST: text, **{f"{_FILES}{name}": torch.from_numpy(each) for name, each in bytes_of.items()}}


def unpacked(state: Mapping[str, object], into: Path) -> manifest.Manifest:
    """The manifest of the engine whose files then lie in `into`, each with the digest that the manifest says.

    Raises:
        ManifestError: The state is none of an engine, or lacks a file.
        DigestMismatchError: A file is not the one that was built.
    """
    text = state.get(MANIFEST)
    if not isinstance(text, str):
        raise ManifestError(
            f"the state holds no manifest of an engine; its keys are {', '.join(sorted(state)[:4]) or 'none'}. Save it "
            "with `torch.save(model_trt.state_dict(), path)`. A state of torch2trt's own has none: convert the module "
            "again, or open its engine with TRTModule(path, trust=True)."
        )
    write_whole(into / manifest.MANIFEST, text)
    found = manifest.read(into)
    for name in found.files:
        content = state.get(f"{_FILES}{name}")
        if not isinstance(content, Tensor) or content.dtype is not torch.uint8:
            raise ManifestError(
                f"the state lacks the file {name!r} that its manifest lists, or has it in another type than uint8. "
                "Save it again with `torch.save(model_trt.state_dict(), path)`."
            )
        write_whole(into / name, content.cpu().numpy().tobytes())
    manifest.check_files(found)
    return found
