"""Station *build*: an engine for each boundary of a candidate."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Candidate
from lightning_trt.runtime import manifest
from lightning_trt.storage import whole_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_trt.artifacts import Engine, OnnxGraph
    from lightning_trt.precision import Precision
    from lightning_trt.protocols import Backend
    from lightning_trt.settings import BuildSettings

__all__ = ["build"]


def build(
    backend: Backend,
    graphs: Mapping[str, OnnxGraph],
    *,
    name: str,
    precision: Precision,
    calibrator: str | None,
    into: Path | str,
    settings: BuildSettings,
    checkpoint_sha256: str | None = None,
) -> Candidate:
    """The candidate, in the folder `into`: written whole, with its manifests, or not at all.

    Args:
        backend: What builds.
        graphs: The rewritten graph of each boundary, by boundary name.
        name: The candidate's name.
        precision: What its graphs were rewritten for, or what the builder shall give.
        calibrator: Where its ranges came from; None where it needs none.
        into: Its folder. One boundary's engine lies in it, each of several in a folder of the boundary's name.
        settings: How to build.
        checkpoint_sha256: Digest of the checkpoint that the weights came from.

    Raises:
        UnsupportedPrecisionError: The backend has no such arithmetic.
        BuildError: The backend could not build.
        StorageError: The folder cannot be written.
    """
    target = Path(into)
    with whole_folder(target) as partial:
        engines: dict[str, Engine] = {}
        for boundary, graph in graphs.items():
            folder = partial if len(graphs) == 1 else partial / graph.boundary.folder
            engine = _timed(backend, graph, precision=precision, folder=folder, settings=settings)
            engine = replace(engine, calibrator=calibrator, checkpoint_sha256=checkpoint_sha256)
            manifest.write(engine)
            engines[boundary] = engine
        built = Candidate(name=name, precision=precision, calibrator=calibrator, folder=partial, engines=engines)
        if len(engines) > 1:
            manifest.write_candidate(built)
    return _moved(built, target)


def _timed(
    backend: Backend, graph: OnnxGraph, *, precision: Precision, folder: Path, settings: BuildSettings
) -> Engine:
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    engine = backend.build(graph, precision=precision, into=folder, settings=settings)
    seconds = time.perf_counter() - started
    return replace(engine, build_seconds=seconds, notes=(*graph.notes, *engine.notes))


def _moved(candidate: Candidate, folder: Path) -> Candidate:
    """The candidate as it stands now that its folder has its own name."""
    engines = {
        name: replace(engine, folder=folder / engine.folder.relative_to(candidate.folder))
        for name, engine in candidate.engines.items()
    }
    return replace(candidate, folder=folder, engines=engines)
