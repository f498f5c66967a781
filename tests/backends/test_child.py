"""Builds in a process of their own: engines as from this one, and what ends the process is an error here."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch
from backends.engines import net

from lightning_trt.backends import find
from lightning_trt.backends.child import build_in_child
from lightning_trt.errors import (
    BuildCrashedError,
    BuildMemoryError,
    BuildTimeoutError,
    SettingsError,
)
from lightning_trt.precision import Precision
from lightning_trt.settings import BuildSettings, TensorRTSettings

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Engine

pytest.importorskip("tensorrt_rtx", reason="the package tensorrt-rtx-cu13, of the group `test`, is not installed")

# Stands before the real package on the child's path, and is it, but for one method of the builder.
ENDED_WHILE_BUILDING = """
import os, signal, sys
sys.path.remove(os.path.dirname(__file__))
del sys.modules["tensorrt_rtx"]
import tensorrt_rtx
tensorrt_rtx.Builder.build_serialized_network = lambda *_: os.kill(os.getpid(), signal.{name})
"""

PARENT = """
import sys, threading, time
sys.path[:] = sys.argv[1:]
from lightning_trt.backends.child import _end_with_parent
threading.Thread(target=_end_with_parent, daemon=True).start()
print("ready", flush=True)
time.sleep(60)
"""


def made(into: Path, *, backend: str = "tensorrt_rtx", settings: BuildSettings | None = None) -> Engine:
    """The residual net's fp32 engine, built in a child."""
    graph = net("residual").graph
    return build_in_child(
        find(backend), graph, precision=Precision.fp32, into=into, settings=settings or BuildSettings(in_child=True)
    )


def end_while_building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, signal: str) -> Path:
    """An empty folder to build in, where the child's builder ends its process by that signal."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "tensorrt_rtx.py").write_text(ENDED_WHILE_BUILDING.format(name=signal))
    monkeypatch.syspath_prepend(tmp_path / "path")
    (tmp_path / "engine").mkdir()
    return tmp_path / "engine"


def test_an_engine_is_that_of_this_process(tmp_path: Path) -> None:
    """Its files lie in the folder, nothing else does, and they compute what the module computes."""
    engine = made(tmp_path, backend="onnxruntime")

    images = net("residual").inputs[0]
    with find("onnxruntime").open(engine) as session:
        torch.testing.assert_close(session({"input_0": images})["output_0"], net("residual").answer(4))
    assert (engine.folder, [path.name for path in tmp_path.iterdir()]) == (tmp_path, ["model.onnx"])


def test_an_error_of_the_backend_comes_back_as_it_is(tmp_path: Path) -> None:
    """Its class and its sentence."""
    settings = BuildSettings(in_child=True, tensorrt=TensorRTSettings(compute_capabilities=("9.0",)))

    with pytest.raises(SettingsError, match=r"has '9\.0'; tensorrt_rtx"):
        made(tmp_path, settings=settings)


def test_a_build_beyond_its_time_is_ended(tmp_path: Path) -> None:
    """A limit alone brings the child; nothing of it is left."""
    settings = BuildSettings(time_limit_seconds=0.2)

    with pytest.raises(BuildTimeoutError, match=r"took longer than 0\.2 s and was ended.*build\.time_limit_seconds"):
        made(tmp_path, settings=settings)

    assert list(tmp_path.iterdir()) == []


def test_a_crash_is_an_error_with_the_builders_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal's name, and what TensorRT had said by then."""
    into = end_while_building(tmp_path, monkeypatch, signal="SIGSEGV")

    with pytest.raises(BuildCrashedError, match=r"was ended by SIGSEGV\. The last it said: \[\w+\] .*tensorrt_rtx"):
        made(into)


def test_a_process_that_the_system_killed_had_too_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what Linux does then."""
    into = end_while_building(tmp_path, monkeypatch, signal="SIGKILL")

    with pytest.raises(BuildMemoryError, match="was killed by the system, as it does when memory runs out"):
        made(into)


def test_a_child_ends_with_its_parent() -> None:
    """However the parent ended: the pipe between them does."""
    command = [sys.executable, "-c", PARENT, *sys.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()

        child.stdin.close()

        assert child.wait(timeout=30) == 1
