"""From a folder to the module that runs what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from lightning_trt import backends
from lightning_trt.errors import EngineError, ReportError
from lightning_trt.renderers import json
from lightning_trt.runtime import manifest
from lightning_trt.runtime.module import TRTModule

if TYPE_CHECKING:
    from lightning_trt.artifacts import Engine

__all__ = ["load"]

_REPORT = "report.json"


def load(path: Path | str, *, trust: bool = False) -> nn.Module:
    """The engine in the folder `path` as a module that is called like the part of the model it was made of.

    Given the folder of a run, the candidate that its report chose. Where several parts were exported, a `ModuleDict` of
    them by name, with `_` for each `.`. Digests, backend and device are checked before anything is opened.

    Args:
        path: Folder of an engine, or of a run.
        trust: Open an engine file without a manifest, with nothing checked: one that you made yourself. It takes its
            inputs as positional arguments, and gives one tensor or a tuple.

    Raises:
        ManifestError: The manifest is missing or damaged.
        DigestMismatchError: A file is not the one that was built.
        ForeignEngineError: The engine was built for another device or version.
        EngineError: There is no engine, or the run chose none.
        ReportError: The run's report is unreadable.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise EngineError(
            f"{folder} is no folder; expected that of an engine or of a run, e.g. trt/best-1f0c7a3e/fp16."
        )
    if (folder / _REPORT).is_file():
        folder = _chosen(folder)
    if trust and not (folder / manifest.MANIFEST).is_file():
        return _opened(backends.adopt(folder))
    _check_is_engine(folder)
    found = manifest.read(folder)
    manifest.check_files(found)
    modules = {name: _opened(engine) for name, engine in found.engines.items()}
    if len(modules) == 1:
        return next(iter(modules.values()))
    return nn.ModuleDict({name.replace(".", "_"): module for name, module in modules.items()})


def _check_is_engine(folder: Path) -> None:
    """Raise where `folder` is one of runs, of which it does not say which is meant."""
    runs = sorted(path.parent for path in folder.glob(f"*/{_REPORT}"))
    if runs and not (folder / manifest.MANIFEST).is_file():
        raise EngineError(f"{folder} holds runs, not an engine. Load one of them: {', '.join(map(str, runs))}.")


def _opened(engine: Engine) -> TRTModule:
    backend = backends.find(engine.backend)
    manifest.check_host(engine, environment=backend.environment)
    return TRTModule(engine, open=backend.open)


def _chosen(run: Path) -> Path:
    """Folder of the candidate that the run's report chose."""
    report = json.from_text(_text(run / _REPORT), run / _REPORT)
    built = {name: each.path for name, each in report.candidates.items() if each.path is not None}
    folder = built.get(report.chosen or "")
    if folder is None:
        advice = (
            f"load one of {', '.join(built)} by its folder, e.g. {run / next(iter(built))}" if built else "export again"
        )
        raise EngineError(
            f"the run {run} chose no candidate; its verdict is {report.verdict.value!r}. Read its report, or {advice}."
        )
    return folder


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"the report {path} cannot be read: {error}. Check the file, or export again.") from error
