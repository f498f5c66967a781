"""Runtimes that build engines and open them, found by name and imported when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from lightning_trt.errors import BackendNotAvailableError, EngineError, SettingsError, nearest
from lightning_trt.protocols import Builder

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Engine
    from lightning_trt.protocols import Adopter, Backend

__all__ = ["Choice", "adopt", "choose", "find", "names"]

_AUTO = "auto"

# In the order in which `auto` asks them.
_BACKENDS = {
    "tensorrt": "lightning_trt.backends.tensorrt:TensorRT",
    "tensorrt_rtx": "lightning_trt.backends.tensorrt_rtx:TensorRTRTX",
    "onnxruntime": "lightning_trt.backends.onnxruntime:OnnxRuntime",
}
# A plan first: what it was built from lies beside it.
_FILES = {"model.engine": "tensorrt", "model.onnx": "onnxruntime"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A backend, and the sentence that says why this one."""

    backend: Backend
    why: str


def names() -> tuple[str, ...]:
    """Names of all backends, those that are not installed among them.

    Example:
        >>> from lightning_trt.backends import names
        >>> "onnxruntime" in names()
        True
    """
    return tuple(_BACKENDS)


def find(name: str) -> Backend:
    """The backend called `name`.

    Raises:
        SettingsError: There is none of that name; the sentence names the nearest.
        BackendNotAvailableError: A package that it needs is not installed, or it cannot work here.
    """
    if name not in _BACKENDS:
        raise SettingsError(f"{name!r} is not a backend. {nearest(name, [_AUTO, *_BACKENDS])}")
    module_name, _, kind = _BACKENDS[name].partition(":")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise BackendNotAvailableError(
            f"the backend {name} cannot be imported: {error}. Install what is missing: pip install "
            f"{(error.name or name).partition('.')[0]}"
        ) from error
    return cast("Backend", getattr(module, kind)())


def choose(name: str) -> Choice:
    """The backend that `name` stands for; `auto` is the first of `names()` that works here.

    Raises:
        SettingsError: There is none of that name.
        BackendNotAvailableError: It cannot work here; for `auto`, none can.
    """
    if name != _AUTO:
        backend = find(name)
        return Choice(backend=backend, why=f"backend: {name} {backend.version}, as asked for")
    refusals: list[str] = []
    for each in _BACKENDS:
        try:
            backend = _running(each)
        except BackendNotAvailableError as error:
            refusals.append(str(error))
            continue
        because = ". ".join(["the first that works here", *refusals])
        return Choice(backend=backend, why=f"backend: {each} {backend.version}, {because}")
    raise BackendNotAvailableError(f"no backend works here. {' '.join(refusals)}")


def _running(name: str) -> Backend:
    """The backend, if what it builds runs here too."""
    backend = find(name)
    if isinstance(backend, Builder) and (reason := backend.why_not_run()):
        raise BackendNotAvailableError(f"{name} is passed over: {reason}")
    return backend


def adopt(folder: Path) -> Engine:
    """The engine whose file lies in `folder` without a manifest; nothing of it can be checked.

    Raises:
        EngineError: No file there is a backend's engine.
    """
    for file, name in _FILES.items():
        if (folder / file).is_file():
            return cast("Adopter", find(name)).adopt(folder / file)
    raise EngineError(f"{folder} holds no engine: expected one of {', '.join(_FILES)}. Give the folder that holds it.")
