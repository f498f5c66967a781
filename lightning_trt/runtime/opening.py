"""From an engine's folder to a session on numpy arrays. Opens without torch, and needs it for no engine."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from lightning_trt.errors import BackendNotAvailableError, EngineError, SettingsError, nearest
from lightning_trt.protocols import Session
from lightning_trt.runtime import _cuda, _trt, manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lightning_trt.artifacts import Engine
    from lightning_trt.runtime.layer_times import LayerTime

__all__ = ["ArraySession", "open_engine", "opened"]

Values = NDArray[Any]


class ArraySession(Session[Values], Protocol):
    """A session on numpy arrays that also tells where its time goes."""

    def layer_times(self, inputs: Mapping[str, Values], *, num_runs: int) -> Sequence[LayerTime]:
        """Mean time of each layer over so many runs on these inputs; the slowest first."""
        ...

    def typical_sizes(self) -> Mapping[str, int]:
        """Size that the engine was tuned for, of each dynamic axis but the batch, as far as it knows."""
        ...


def open_engine(folder: Path | str) -> ArraySession:
    """A session of the engine in `folder`: numpy arrays in by name, numpy arrays out by name.

    For machines that only run engines: torch is not needed. What the engine runs on is, onnxruntime, or TensorRT with
    pycuda (or with torch, where pycuda is missing). Manifest, digests and host are checked before the plan is opened.

    Raises:
        ManifestError: The manifest is missing or damaged.
        DigestMismatchError: A file is not the one that was built.
        ForeignEngineError: The engine was built for another GPU or version.
        BackendNotAvailableError: There is no GPU, or a package is missing.
        EngineError: `folder` is that of a run, or of several engines; the sentence names theirs.

    Example::

        with open_engine("trt/best-1f0c7a3e/int8-percentile") as session:
            logits = session({"x": images})["logits"]
    """
    where = Path(folder)
    found = _manifest(where)
    manifest.check_files(found)
    if len(found.engines) > 1:
        folders = ", ".join(str(engine.folder) for engine in found.engines.values())
        raise EngineError(f"{where} holds several engines. Open each by its folder: {folders}.")
    (engine,) = found.engines.values()
    return opened(engine)


def opened(engine: Engine) -> ArraySession:
    """A session of the engine whose files were already checked; see `open_engine`."""
    if engine.backend not in _OPENERS:
        raise SettingsError(f"{engine.backend!r} is not a backend. {nearest(engine.backend, _OPENERS)}")
    return _OPENERS[engine.backend](engine)


def _manifest(folder: Path) -> manifest.Manifest:
    """The manifest in `folder`; where it has none and folders in it do, the error names those."""
    inner = sorted(path.parent for path in folder.glob(f"*/{manifest.MANIFEST}"))
    if inner and not (folder / manifest.MANIFEST).is_file():
        raise EngineError(f"{folder} is no engine, but holds some. Open one of them: {', '.join(map(str, inner))}.")
    return manifest.read(folder)


def _onnxruntime(engine: Engine) -> ArraySession:
    session: Any = _imported("lightning_trt.runtime.onnx_session", needs="onnxruntime")
    opened: ArraySession = session.OnnxSession(
        engine.folder / engine.file, boundary=engine.boundary, options=engine.options
    )
    return opened


def _tensorrt(engine: Engine) -> ArraySession:
    trt = _trt.package(engine.backend)
    try:
        cuda = _cuda.driver()
    except BackendNotAvailableError as error:
        return _on_torch(trt, engine, without=error)
    gpu = _cuda.gpu(cuda, built_for_cuda=engine.environment.get("cuda"))
    manifest.check_host(engine, environment=_environment(engine.backend, trt.version, gpu))
    arrays: Any = import_module("lightning_trt.runtime.trt_arrays")
    opened: ArraySession = arrays.open_on_arrays(trt, engine, cuda=cuda)
    return opened


def _on_torch(trt: _trt.Package, engine: Engine, *, without: BackendNotAvailableError) -> ArraySession:
    """The session over torch's memory; where there is no torch either, `without` is what pycuda lacks."""
    try:
        tensors: Any = import_module("lightning_trt.runtime.trt_tensors")
    except ImportError:
        raise without from None
    gpu = import_module("lightning_trt.runtime.gpu").gpu_here()
    if gpu is None:
        raise without
    manifest.check_host(engine, environment=_environment(engine.backend, trt.version, gpu))
    on_arrays: Any = import_module("lightning_trt.runtime.tensors").OnArrays
    opened: ArraySession = on_arrays(tensors.open_on_tensors(trt, engine))
    return opened


def _environment(backend: str, version: str, gpu: _cuda.GPU) -> dict[str, str]:
    """What of this machine an engine may be bound to."""
    return {
        backend: version,
        "cuda": gpu.cuda,
        "gpu": gpu.name,
        "compute_capability": gpu.compute_capability,
    }


def _imported(module: str, *, needs: str) -> Any:  # noqa: ANN401 - a module
    try:
        return import_module(module)
    except ImportError as error:
        raise BackendNotAvailableError(
            f"the engine runs on {needs}, which cannot be imported: {error}. Install it: pip install {needs}"
        ) from error


_OPENERS: dict[str, Callable[[Engine], ArraySession]] = {
    "onnxruntime": _onnxruntime,
    "tensorrt": _tensorrt,
    "tensorrt_rtx": _tensorrt,
}
