"""Whether every file with a final name is whole."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import onnx

from lightning_trt import calibrators
from lightning_trt.renderers import json as report_json
from lightning_trt.runtime import manifest
from lightning_trt.storage import Cache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["broken", "leftovers"]

_TEMPORARY = re.compile(r"\..+\.(partial|replaced)")


def leftovers(*folders: Path) -> list[str]:
    """Names of what somebody had begun to write, wherever it lies in the folders."""
    return [path.name for folder in folders for path in folder.rglob(".*") if _TEMPORARY.fullmatch(path.name)]


def broken(results: Path, cache: Path) -> list[str]:
    """A sentence for each file with a final name in `results`, or entry of `cache`, that is not whole."""
    final = [path for path in results.rglob("*") if path.is_file() and not _is_temporary(path, results)]
    found = [said for path in final if (check := _CHECKS.get(path.name)) and (said := _failure(check, path))]
    seals = [path for path in cache.rglob("entry.json") if not _is_temporary(path, cache)]
    kept = Cache(folder=cache)
    found += [
        f"{seal.parent} is sealed and not whole"
        for seal in seals
        if kept.find(seal.parent.parent.relative_to(cache).as_posix(), seal.parent.name) is None
    ]
    return found


def _is_temporary(path: Path, below: Path) -> bool:
    return any(_TEMPORARY.fullmatch(part) for part in path.relative_to(below).parts)


def _failure(check: Callable[[Path], None], path: Path) -> str | None:
    try:
        check(path)
    except Exception as error:  # noqa: BLE001 - a spoilt file may raise anything
        return f"{path}: {type(error).__name__}: {error}"
    return None


def _check_report(path: Path) -> None:
    report = report_json.from_text(path.read_text(encoding="utf-8"), path)
    for each in report.candidates.values():
        if each.path is None:
            continue
        found = manifest.read(each.path)
        manifest.check_files(found)
        (engine,) = found.engines.values()
        if engine.sha256 != each.sha256:
            raise ValueError(f"{each.name}: the report says {each.sha256}, the manifest {engine.sha256}")


def _check_manifest(path: Path) -> None:
    manifest.check_files(manifest.read(path.parent))


def _check_end(path: Path, end: str) -> None:
    if not path.read_text(encoding="utf-8").rstrip().endswith(end):
        raise ValueError(f"it does not end with {end!r}")


_CHECKS: dict[str, Callable[[Path], None]] = {
    "report.json": _check_report,
    "manifest.json": _check_manifest,
    "model.onnx": lambda path: onnx.checker.check_model(onnx.load(path)),
    "statistics.npz": lambda path: _ignore(calibrators.load(path)),
    "junit.xml": lambda path: _ignore(ET.parse(path)),  # noqa: S314 - our own
    "report.html": lambda path: _check_end(path, "</html>"),
}


def _ignore(_read: object) -> None:
    return None
