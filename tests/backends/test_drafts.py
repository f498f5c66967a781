"""What TensorRT says when it cannot, in our words; its log."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from backends.engines import net

from lightning_trt.backends.drafts import drafted, refusal, serialized
from lightning_trt.errors import BackendNotAvailableError, BuildError, BuildMemoryError, DriverTooOldError
from lightning_trt.runtime import _trt
from lightning_trt.runtime._trt import Log, Package

if TYPE_CHECKING:
    from pathlib import Path

NO_MEMORY = "Requested amount of GPU memory (2147483648 bytes) could not be allocated."


class Severity:
    """As an enum of TensorRT's spells it."""

    def __init__(self, name: str) -> None:
        self.name = name


def package(*said: str) -> Package:
    """A TensorRT whose builder says this, and does not come to be: pybind finds a null pointer."""

    class Builder:
        def __init__(self, sink: Any) -> None:
            for message in said:
                sink.log(Severity("INTERNAL_ERROR"), message)
            raise TypeError("pybind11::init(): factory function returned nullptr")

    members = {"__version__": "8.6.1", "ILogger": object, "Builder": Builder}
    return Package(type("tensorrt", (), members))


def draft(*said: str) -> Any:
    """A draft whose builder said this."""
    return SimpleNamespace(
        trt=SimpleNamespace(api=type("tensorrt", (), {}), version="8.6.1"), log=SimpleNamespace(errors=lambda: said)
    )


@pytest.fixture
def real() -> Package:
    """TensorRT-RTX, which needs no GPU for this."""
    pytest.importorskip("tensorrt_rtx", reason="the package tensorrt-rtx-cu13, of the group `test`, is missing")
    return _trt.package("tensorrt_rtx")


def test_a_driver_that_is_too_old_has_its_own_error(tmp_path: Path) -> None:
    """The sentence has TensorRT's words and the cure."""
    trt = package("CUDA initialization failure with error: 35. Please check your CUDA installation")

    with pytest.raises(DriverTooOldError, match=r"tensorrt 8\.6\.1 cannot start here: CUDA .*error: 35.*update it"):
        drafted(trt, net("residual").graph, into=tmp_path, is_typed=False)


def test_a_builder_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    """Whatever the reason."""
    with pytest.raises(BackendNotAvailableError, match=r"cannot start here: .*error: 999.*nvidia-smi"):
        drafted(package("failure with error: 999"), net("residual").graph, into=tmp_path, is_typed=False)


def test_want_of_device_memory_has_its_own_error() -> None:
    """The sentence says what to make smaller."""
    error = refusal(draft(NO_MEMORY), "cannot build the engine", advice="Leave out this precision")

    assert isinstance(error, BuildMemoryError)
    assert "build.tensorrt.workspace_mb" in str(error)


def test_another_refusal_has_tensorrts_words() -> None:
    """Among them the node's name."""
    error = refusal(
        draft("Could not find any implementation for node /layer1/Conv."), "cannot build it", advice="Leave out int8"
    )

    assert type(error) is BuildError
    assert "cannot build it: Could not find any implementation for node /layer1/Conv. Leave out int8" in str(error)


def test_a_node_that_cannot_be_read_is_named(real: Package, tmp_path: Path) -> None:
    """By its ONNX name and operator."""
    model = net("residual").graph.model.clone()
    node = next(node for node in model.graph if node.op_type == "Relu")
    node.op_type, node.name = "NoSuchOperator", "layer1/relu"

    with pytest.raises(BuildError, match=r"cannot read the graph: at layer1/relu \(NoSuchOperator\)"):
        drafted(real, replace(net("residual").graph, model=model), into=tmp_path, is_typed=True)


def test_the_log_is_on_disk_before_the_build_ends(real: Package, tmp_path: Path) -> None:
    """A crash leaves what was said by then."""
    made = drafted(real, net("residual").graph, into=tmp_path, is_typed=True)
    before = (tmp_path / "build.log").read_text() if (tmp_path / "build.log").exists() else ""

    with pytest.raises(BuildError, match="profile"):
        serialized(made)

    assert len((tmp_path / "build.log").read_text()) > len(before)


def test_a_closed_log_leaves_its_file(tmp_path: Path) -> None:
    """TensorRT may speak when its objects go; the file's digest is taken by then."""
    log = Log(type("api", (), {"ILogger": object}), tmp_path / "build.log")
    log.sink.log(Severity("INFO"), "built")
    log.close()

    log.sink.log(Severity("INFO"), "gone")

    assert (tmp_path / "build.log").read_text() == "[INFO] built\n"


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """TensorRT would end the process on an exception of ours."""
    log = Log(type("api", (), {"ILogger": object}), tmp_path / "absent" / "build.log")

    log.sink.log(Severity("ERROR"), "no node")

    assert log.errors() == ["no node"]
