"""A build in a process of its own: what crashes, hangs or takes all memory there is an error here.

The child is a fresh Python: a fork would not survive CUDA, and multiprocessing would run the user's script again. It
reads a pickled order and leaves a pickled answer, both in a private folder, and ends with its parent.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir
import torch

from lightning_trt import backends
from lightning_trt.artifacts import Boundary, Engine, OnnxGraph, Ranges
from lightning_trt.backends.drafts import is_about_memory
from lightning_trt.backends.sources import LOG_FILE, ONNX_FILE
from lightning_trt.errors import (
    BuildCrashedError,
    BuildError,
    BuildMemoryError,
    BuildTimeoutError,
    LightningTRTError,
)
from lightning_trt.passes import save

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_trt.precision import Precision
    from lightning_trt.protocols import Backend
    from lightning_trt.settings import BuildSettings

__all__ = ["build_in_child", "main"]

_ORDER, _ANSWER, _OUTPUT = "order", "answer", "output"
# The parent's own path: the package may lie where a fresh Python does not look.
_START = "import sys; sys.path[:] = sys.argv[2:]; from lightning_trt.backends.child import main; main(sys.argv[1])"
_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the child shall build; the graph's model lies beside it as ONNX."""

    backend: str
    device: int | None
    boundary: Boundary
    sizes: dict[str, int]
    ranges: Ranges | None
    precision: Precision
    into: Path
    settings: BuildSettings


def build_in_child(
    backend: Backend, graph: OnnxGraph, *, precision: Precision, into: Path, settings: BuildSettings
) -> Engine:
    """The engine that `backend` builds of `graph`, made in a child process within `settings.time_limit_seconds`.

    Raises:
        BuildTimeoutError: It took longer, and was ended.
        BuildMemoryError: The system ended it, as it does when memory runs out; or the GPU had too little.
        BuildCrashedError: Another signal ended it; the sentence has the last lines of its log.
        LightningTRTError: Whatever the backend raised there.
    """
    order = _Order(
        backend=backend.name,
        device=_device(),
        boundary=graph.boundary,
        sizes=dict(graph.sizes),
        ranges=graph.ranges,
        precision=precision,
        into=into.absolute(),
        settings=settings,
    )
    # In the engine's own folder, which has room for a copy of the weights.
    with tempfile.TemporaryDirectory(dir=into) as scratch:
        folder = Path(scratch).absolute()
        save(graph.model, folder / ONNX_FILE)
        (folder / _ORDER).write_bytes(pickle.dumps(order))
        code = _waited_for(folder, order)
        answer = folder / _ANSWER
        if not answer.is_file():
            raise _ended(order, code, output=folder / _OUTPUT)
        told: Engine | LightningTRTError = pickle.loads(answer.read_bytes())  # noqa: S301 - our child wrote it
    if isinstance(told, LightningTRTError):
        raise told
    return replace(told, folder=into)


def main(folder: str) -> None:
    """Nothing; the answer to the order in `folder` lies there. This is what the child runs."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    order: _Order = pickle.loads((Path(folder) / _ORDER).read_bytes())  # noqa: S301 - our parent wrote it
    answer = Path(folder) / _ANSWER
    whole = answer.with_suffix(".partial")
    whole.write_bytes(pickle.dumps(_answered(order, model=ir.load(Path(folder) / ONNX_FILE))))
    whole.replace(answer)


def _device() -> int | None:
    """The GPU that this process is at work on, which the child shall take too."""
    is_at_work: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return torch.cuda.current_device() if is_at_work else None


def _answered(order: _Order, *, model: ir.Model) -> Engine | LightningTRTError:
    graph = OnnxGraph(model=model, boundary=order.boundary, sizes=order.sizes, ranges=order.ranges)
    try:
        if order.device is not None:
            torch.cuda.set_device(order.device)
        backend = backends.find(order.backend)
        engine = backend.build(graph, precision=order.precision, into=order.into, settings=order.settings)
    except LightningTRTError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the parent must hear of it, whatever it was
        return (BuildMemoryError if is_about_memory(str(error)) else BuildError)(
            f"building {order.precision.value} with {order.backend} failed: {type(error).__name__}: {error}. Build "
            "without build.in_child to see where."
        )
    # Read-only views of dicts cannot be pickled.
    return replace(
        engine, layers=dict(engine.layers), environment=dict(engine.environment), options=dict(engine.options)
    )


def _end_with_parent() -> None:
    # Standard input ends when the parent does, in whatever way; nobody would wait for the engine then. Read without
    # Python's buffer, whose lock this thread would still hold when the interpreter shuts down.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _waited_for(folder: Path, order: _Order) -> int:
    """Exit status of the child, after it has ended."""
    limit = order.settings.time_limit_seconds
    with _started(folder) as child:
        try:
            return child.wait(limit)
        except subprocess.TimeoutExpired as error:
            raise BuildTimeoutError(
                f"building {order.precision.value} with {order.backend} took longer than {limit:g} s and was ended. "
                f"{_last_words(order, folder / _OUTPUT)} Raise build.time_limit_seconds, lower build.tensorrt.level, "
                "or leave out this precision."
            ) from error


@contextmanager
def _started(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The child, which is ended when the block ends."""
    command = [sys.executable, "-c", _START, str(folder), *map(str, sys.path)]
    with (
        (folder / _OUTPUT).open("wb") as output,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output) as child,  # noqa: S603 - ours
    ):
        try:
            yield child
        finally:
            child.kill()


def _ended(order: _Order, code: int, *, output: Path) -> BuildError:
    """The error for a child that left no answer."""
    said = _last_words(order, output)
    what = f"the process that built {order.precision.value} with {order.backend}"
    # A name, because not every system has the signal.
    ended_by = signal.Signals(-code).name if code < 0 else ""
    if ended_by == "SIGKILL":
        return BuildMemoryError(
            f"{what} was killed by the system, as it does when memory runs out. {said} Free memory, or export a "
            "smaller part of the module."
        )
    how = f"was ended by {ended_by}" if ended_by else f"ended with status {code}"
    return BuildCrashedError(
        f"{what} {how}. {said} Leave out this precision, change what it was at work on, or take another version of "
        f"{order.backend}."
    )


def _last_words(order: _Order, output: Path) -> str:
    """The end of the builder's log; where there is none, that of what the process printed."""
    for path in (order.into / LOG_FILE, output):
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
        said = [line.strip() for line in lines if line.strip()][-_SHOWN:]
        if said:
            return f"The last it said: {' '.join(said)}"
    return "It said nothing."
