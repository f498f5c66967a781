"""Builds and timings on one device: one process at a time, whichever points of a sweep they belong to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from zoo import Classifier, Images
from zoo.exporting import quick

from lightning_trt import backends, export
from lightning_trt.backends.devices import alone_on
from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.protocols import OnDevice

if TYPE_CHECKING:
    from lightning_trt.artifacts import Engine

fcntl = pytest.importorskip("fcntl", reason="needs locks of POSIX, by which the test looks whether one is held")

PROCESS = """
import sys, time
from pathlib import Path
from lightning_trt.backends.devices import alone_on

class Backend:
    def device(self):
        return sys.argv[1]

busy = Path(sys.argv[2])
Path(f"{busy}-{sys.argv[3]}").touch()
while not all(Path(f"{busy}-{number}").exists() for number in range(3)):
    time.sleep(0.01)
for _ in range(5):
    with alone_on(Backend()):
        busy.touch(exist_ok=False)
        time.sleep(0.02)
        busy.unlink()
"""


class Alone(OnnxRuntime):
    """A backend of the processor that says it is a device, and looks whether it has it to itself."""

    def __init__(self, name: str) -> None:
        self.told = name
        self.was_alone: list[bool] = []

    def device(self) -> str:
        """What the test calls it."""
        return self.told

    def build(self, *given: Any, **named: Any) -> Engine:
        """As ever."""
        self.was_alone.append(is_held(self.told))
        return super().build(*given, **named)


def is_held(device: str) -> bool:
    """Whether somebody has the device to itself."""
    path = Path(tempfile.gettempdir(), f".lightning-trt-{device}.lock")
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.fixture
def device() -> str:
    """A name that no other test's processes have."""
    return f"test-{uuid.uuid4()}"


def test_processes_are_on_a_device_one_after_the_other(device: str, tmp_path: Path) -> None:
    """Three of them, five times each: who came upon another would fail."""
    command = [sys.executable, "-c", PROCESS, device, str(tmp_path / "busy")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}

    running = [subprocess.Popen([*command, str(number)], env=environment) for number in range(3)]

    assert [each.wait(timeout=300) for each in running] == [0, 0, 0]


def test_a_build_has_its_device_to_itself(device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each candidate's; and nobody holds it afterwards."""
    backend = Alone(device)
    monkeypatch.setattr(backends, "choose", lambda _: backends.Choice(backend=backend, why="asked for"))

    export(Classifier(), Images(), **quick(precisions=("fp32", "fp16"), dirpath=tmp_path, monitor="val/acc"))

    assert backend.was_alone == [True, True]
    assert not is_held(device)


def test_a_backend_without_a_device_waits_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime's builds on the processor time nothing."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    with alone_on(OnnxRuntime()):
        pass

    assert not isinstance(OnnxRuntime(), OnDevice)
    assert list(tmp_path.iterdir()) == []


def test_another_user_may_take_the_lock(device: str) -> None:
    """Whose process it is that builds on a GPU does not matter to who comes second."""

    class Backend(OnnxRuntime):
        def device(self) -> str:
            return device

    with alone_on(Backend()):
        mode = Path(tempfile.gettempdir(), f".lightning-trt-{device}.lock").stat().st_mode

    assert mode & 0o777 == 0o666
