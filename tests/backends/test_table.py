"""Backends are found by name."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lightning_trt import backends
from lightning_trt.errors import BackendNotAvailableError, EngineError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["onnxruntime", "tensorrt_rtx"])
def test_a_backend_is_found_by_its_name(name: str) -> None:
    """The table's key and the backend's own name are one."""
    assert backends.find(name).name == name


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    """A slip of the pen costs one look at the sentence."""
    with pytest.raises(SettingsError, match=r"'onnxruntim' is not a backend\. Did you mean 'onnxruntime'"):
        backends.find("onnxruntim")


def test_auto_says_what_it_took() -> None:
    """Where no other backend is there, it is ONNX Runtime."""
    choice = backends.choose("auto")

    assert choice.backend.name == "onnxruntime"
    assert choice.why.startswith(f"backend: onnxruntime {choice.backend.version}, the first that works here")


def test_a_name_is_taken_as_asked() -> None:
    """The sentence says that it was the user's choice."""
    assert backends.choose("onnxruntime").why.endswith("as asked for")


def test_a_missing_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installing it is the next step."""
    monkeypatch.setitem(backends._BACKENDS, "absent_runtime", "no_such_package_here:Backend")

    with pytest.raises(BackendNotAvailableError, match="pip install no_such_package_here"):
        backends.find("absent_runtime")


def test_auto_goes_on_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be taken stands in the sentence."""
    table = {"absent_runtime": "no_such_package_here:Backend", **backends._BACKENDS}
    monkeypatch.setattr(backends, "_BACKENDS", table)

    choice = backends.choose("auto")

    assert choice.backend.name == "onnxruntime"
    assert "the backend absent_runtime cannot be imported" in choice.why


def test_auto_with_nothing_installed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It lists what was tried."""
    monkeypatch.setattr(backends, "_BACKENDS", {"absent_runtime": "no_such_package_here:Backend"})

    with pytest.raises(BackendNotAvailableError, match=r"no backend works here\. the backend absent_runtime"):
        backends.choose("auto")


def test_the_table_imports_nothing() -> None:
    """Neither torch nor a runtime is loaded before a backend is asked for."""
    code = "import sys; sys.modules['torch'] = sys.modules['onnxruntime'] = None; import lightning_trt.backends"

    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_a_folder_without_an_engine_file_is_refused(tmp_path: Path) -> None:
    """The sentence names what a backend's file is called."""
    with pytest.raises(EngineError, match=r"holds no engine: expected one of model\.engine, model\.onnx"):
        backends.adopt(tmp_path)
