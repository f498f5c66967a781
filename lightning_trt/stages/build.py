"""Station *build*: an engine for each boundary of a candidate."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Candidate, Recipe
from lightning_trt.backends.child import build_in_child
from lightning_trt.backends.sources import LOG_FILE
from lightning_trt.errors import BuildError
from lightning_trt.precision import PrecisionHome
from lightning_trt.runtime import manifest
from lightning_trt.settings import plain
from lightning_trt.storage import whole_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
        BuildError: The backend could not build; what it said is then in `<into>.log`.
        StorageError: The folder cannot be written.
    """
    target = Path(into)
    with whole_folder(target) as unfinished:
        engines: dict[str, Engine] = {}
        for boundary, graph in graphs.items():
            folder = unfinished if len(graphs) == 1 else unfinished / graph.boundary.folder
            folder.mkdir(parents=True, exist_ok=True)
            with _log_kept(folder / LOG_FILE, beside=target):
                engine = _timed(backend, graph, precision=precision, folder=folder, settings=settings)
            engine = replace(engine, calibrator=calibrator, checkpoint_sha256=checkpoint_sha256)
            manifest.write(engine)
            engines[boundary] = engine
        built = Candidate(name=name, precision=precision, calibrator=calibrator, folder=unfinished, engines=engines)
        if len(engines) > 1:
            manifest.write_candidate(built)
    return _moved(built, target)


def _timed(
    backend: Backend, graph: OnnxGraph, *, precision: Precision, folder: Path, settings: BuildSettings
) -> Engine:
    make = partial(build_in_child, backend) if settings.needs_child else backend.build
    started = time.perf_counter()
    engine = make(graph, precision=precision, into=folder, settings=settings)
    return replace(
        engine,
        build_seconds=time.perf_counter() - started,
        recipe=_recipe(backend, graph, settings),
        notes=(*graph.notes, *engine.notes),
    )


def _recipe(backend: Backend, graph: OnnxGraph, settings: BuildSettings) -> Recipe:
    # Where timings lie is this machine's affair.
    kept = replace(settings, tensorrt=replace(settings.tensorrt, timing_cache=None))
    # A graph that brings ranges leaves the quantizing to the builder, whatever else lives where.
    home = PrecisionHome.builder if graph.ranges is not None else backend.precision_lives_in
    return Recipe(settings=plain(kept), sizes=dict(graph.sizes), precision_lives_in=home)


@contextmanager
def _log_kept(log: Path, beside: Path) -> Iterator[None]:
    """The block; where nothing comes of it, the builder's `log` is kept beside the folder that will not come."""
    try:
        yield
    except BuildError as error:
        if not log.is_file():
            raise
        kept = write_whole(beside.with_name(f"{beside.name}.log"), log.read_bytes())
        raise type(error)(f"{error} The whole log is {kept.name}, beside the candidate's folder.") from error


def _moved(candidate: Candidate, folder: Path) -> Candidate:
    """The candidate as it stands now that its folder has its own name."""
    engines = {
        name: replace(engine, folder=folder / engine.folder.relative_to(candidate.folder))
        for name, engine in candidate.engines.items()
    }
    return replace(candidate, folder=folder, engines=engines)
