"""Ways in for bad input: each takes an empty folder and gives what a row of the table does there."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from zoo import Classifier, Images, quiet_trainer
from zoo.exporting import quick
from zoo.troubles import Untrained

from lightning_trt import TRTExportCallback, export, load, rebuild
from lightning_trt.renderers.json import from_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Act = Callable[[Path], object]

__all__ = ["Row", "exports", "fits", "loads", "makes", "reads", "rebuilds", "saved"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is wrong, which error it is, which words its sentence has, and who meets it."""

    what: str
    error: type[Exception]
    words: str
    act: Act


def makes(**options: Any) -> Act:
    """The callback is made."""
    return lambda _root: TRTExportCallback(**options)


def fits(module: Any = Untrained, *, trainer: Any = None, **options: Any) -> Act:
    """A fit with the callback begins, and fails the test if it comes to train."""

    def act(root: Path) -> None:
        ours = TRTExportCallback(**quick(**{"dirpath": root / "trt", **options}))
        quiet_trainer(root, callbacks=[ours], **(trainer or {})).fit(module(), datamodule=Images())

    return act


def exports(module: Any = Classifier, data: Any = Images, *, checkpoint: bytes | None = None, **options: Any) -> Act:
    """An export of a module that is there, or of a checkpoint with that content."""

    def act(root: Path) -> None:
        more = dict(options)
        if checkpoint is not None:
            (root / "bad.ckpt").write_bytes(checkpoint)
            more["checkpoint"] = root / "bad.ckpt"
        made = [thing() if isinstance(thing, type) else thing for thing in (module, data)]
        export(*made, **quick(**{"dirpath": root / "trt", **more}))

    return act


def loads(**files: bytes) -> Act:
    """A folder with these files, `_` for the dot of their names, is loaded as an engine."""
    return _opens(load, files)


def rebuilds(**files: bytes) -> Act:
    """Such a folder is built anew."""
    return _opens(rebuild, files)


def reads(content: bytes) -> Act:
    """A report with this content is read."""
    return lambda root: from_text(content.decode(), root / "report.json")


def _opens(opener: Callable[[Path], object], files: dict[str, bytes]) -> Act:
    def act(root: Path) -> None:
        for name, content in files.items():
            (root / name.replace("_", ".")).write_bytes(content)
        opener(root)

    return act


def saved(content: object) -> bytes:
    """What torch writes of it."""
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()
