"""From a folder to the module that runs what is in it, and to a new engine in place of one that does not run here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from lightning_trt import backends
from lightning_trt.backends.sources import LOG_FILE, ONNX_FILE, source_of
from lightning_trt.calibrators import RANGES_FILE
from lightning_trt.errors import EngineError, ReportError, SettingsError
from lightning_trt.precision import PrecisionHome
from lightning_trt.protocols import NativeCalibration
from lightning_trt.renderers import json
from lightning_trt.runtime import manifest
from lightning_trt.runtime.module import TRTModule
from lightning_trt.runtime.signatures import SIGNATURE
from lightning_trt.runtime.trt_tensors import OUTPUT_BUFFERS
from lightning_trt.settings import BuildSettings, settings_of
from lightning_trt.stages.build import build
from lightning_trt.stages.rewrite import rewrite
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from lightning_trt.artifacts import Engine, OnnxGraph, Recipe
    from lightning_trt.protocols import Backend
    from lightning_trt.runtime.manifest import Manifest

__all__ = ["load", "rebuild"]

_REPORT = "report.json"


def load(path: Path | str, *, trust: bool = False, output_buffers: int = 0) -> nn.Module:
    """The engine in the folder `path` as a module that is called like the part of the model it was made of.

    Given the folder of a run, the candidate that its report chose. Where several parts were exported, a `ModuleDict` of
    them by name, with `_` for each `.`. Digests, backend and device are checked before anything is opened.

    Args:
        path: Folder of an engine, or of a run.
        trust: Open an engine file without a manifest, with nothing checked: one that you made yourself. It takes its
            inputs as positional arguments, and gives one tensor or a tuple.
        output_buffers: In how many sets of buffers the results of TensorRT lie by turns, which saves a copy a call; a
            result holds until as many further calls. 0 gives fresh tensors, as ONNX Runtime always does.

    Raises:
        SettingsError: `output_buffers` is no whole number from 0.
        ManifestError: The manifest is missing or damaged.
        DigestMismatchError: A file is not the one that was built.
        ForeignEngineError: The engine was built for another device or version.
        EngineError: There is no engine, or the run chose none.
        ReportError: The run's report is unreadable.
    """
    if not isinstance(output_buffers, int) or output_buffers < 0:
        raise SettingsError(f"output_buffers is {output_buffers!r}; it must be a whole number from 0, e.g. 2.")
    folder = _folder_of(path)
    if trust and not (folder / manifest.MANIFEST).is_file():
        return _opened(backends.adopt(folder), output_buffers=output_buffers)
    _check_is_engine(folder)
    found = manifest.read(folder)
    manifest.check_files(found)
    modules = {name: _opened(engine, output_buffers=output_buffers) for name, engine in found.engines.items()}
    if len(modules) == 1:
        return next(iter(modules.values()))
    return nn.ModuleDict({name.replace(".", "_"): module for name, module in modules.items()})


def rebuild(path: Path | str) -> Path:
    """The engine's folder, after its engine was built anew, for the GPU and the versions here, from the ONNX beside it.

    With the settings and the ranges that it was built with: nothing is calibrated or measured again. The new folder
    takes the old one's place when it is whole; where it cannot be built, the old one stays.

    Args:
        path: Folder of an engine, or of a run, of which the chosen candidate is built anew.

    Raises:
        ManifestError: The manifest is missing or damaged.
        DigestMismatchError: The ONNX or the ranges are not those that the engine was built from.
        EngineError: There is no engine, nothing says how it was built, or other files lie in its folder.
        BackendNotAvailableError: Its backend cannot work here.
        UnsupportedPrecisionError: The device here has no such arithmetic.
        BuildError: The backend could not build.

    Example::

        engine = load(rebuild("trt/best-1f0c7a3e/fp16"))
    """
    folder = _folder_of(path)
    _check_is_engine(folder)
    found = manifest.read(folder)
    manifest.check_files(replace(found, files=_files_to_build_from(found)))
    _check_nothing_else(found)
    told = {each.relative_to(folder): each.read_bytes() for each in folder.rglob(RANGES_FILE)}
    first = next(iter(found.engines.values()))
    backend = backends.find(first.backend)
    graphs = {name: _fitting(backend, engine) for name, engine in found.engines.items()}
    build(
        backend,
        graphs,
        name=folder.name,
        precision=first.precision,
        calibrator=first.calibrator,
        into=folder,
        settings=_settings_of(first),
        checkpoint_sha256=first.checkpoint_sha256,
    )
    for name, content in told.items():
        write_whole(folder / name, content)
    return folder


def _folder_of(path: Path | str) -> Path:
    """The engine's folder that `path` is, or whose engine the run at `path` chose."""
    folder = Path(path)
    if not folder.is_dir():
        raise EngineError(
            f"{folder} is no folder; expected that of an engine or of a run, e.g. trt/best-1f0c7a3e/fp16."
        )
    return _chosen(folder) if (folder / _REPORT).is_file() else folder


def _check_is_engine(folder: Path) -> None:
    """Raise where `folder` is one of runs, of which it does not say which is meant."""
    runs = sorted(path.parent for path in folder.glob(f"*/{_REPORT}"))
    if runs and not (folder / manifest.MANIFEST).is_file():
        raise EngineError(f"{folder} holds runs, not an engine. Load one of them: {', '.join(map(str, runs))}.")


def _files_to_build_from(found: Manifest) -> dict[str, str]:
    """Digests of all files but plans, which are to be replaced, and logs."""
    plans = {engine.folder / engine.file for engine in found.engines.values() if engine.file != ONNX_FILE}
    return {
        name: digest
        for name, digest in found.files.items()
        if found.folder / name not in plans and Path(name).name != LOG_FILE
    }


def _check_nothing_else(found: Manifest) -> None:
    """Raise where the folder holds what is not of the engine, and would be gone with it."""
    known = {found.folder / name for name in (manifest.MANIFEST, SIGNATURE, *found.files)}
    others = sorted(
        path for path in found.folder.rglob("*") if path.is_file() and path not in known and path.name != RANGES_FILE
    )
    if others:
        raise EngineError(
            f"{found.folder} holds {', '.join(path.name for path in others)}, which its manifest does not know; the "
            "folder is replaced as a whole. Move them elsewhere first."
        )


def _settings_of(engine: Engine) -> BuildSettings:
    return settings_of(BuildSettings, _recipe_of(engine).settings)


def _recipe_of(engine: Engine) -> Recipe:
    if engine.recipe is None:
        raise EngineError(
            f"the manifest in {engine.folder} does not say how the engine was built, so that it cannot be built again. "
            "Export the checkpoint again."
        )
    return engine.recipe


def _fitting(backend: Backend, engine: Engine) -> OnnxGraph:
    """The graph of the engine with what `backend` reads in it, whatever generation of it built the engine."""
    recipe = _recipe_of(engine)
    note = "built again from its ONNX: drops and latency in the report are those of the engine before"
    graph = replace(source_of(engine), notes=(note,))
    told_by_builder = recipe.precision_lives_in is PrecisionHome.builder
    if not told_by_builder or backend.precision_lives_in is PrecisionHome.builder:
        return graph
    if graph.ranges is not None and isinstance(backend, NativeCalibration) and not backend.why_no_cache():
        return graph
    rest = _settings_of(engine).high_precision or backend.high_precision
    rewritten = rewrite(graph, precision=engine.precision, high_precision=rest, ranges=graph.ranges)
    return replace(rewritten, ranges=None)


def _opened(engine: Engine, *, output_buffers: int) -> TRTModule:
    backend = backends.find(engine.backend)
    manifest.check_host(engine, environment=backend.environment)
    options = {**engine.options, **({OUTPUT_BUFFERS: str(output_buffers)} if output_buffers else {})}
    return TRTModule(replace(engine, options=options), open=backend.open)


def _chosen(run: Path) -> Path:
    """Folder of the candidate that the run's report chose."""
    report = json.from_text(_text(run / _REPORT), run / _REPORT)
    built = {name: each.path for name, each in report.candidates.items() if each.path is not None}
    folder = built.get(report.chosen or "")
    if folder is not None and not folder.resolve().is_relative_to(run.resolve()):
        raise EngineError(
            f"the report of {run} says that its engine lies in {folder}, outside the run. It was edited: take the run "
            "as it was written, or load the engine by its own folder."
        )
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
