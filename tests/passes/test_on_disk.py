"""Models as files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from passes.exported import exported

from lightning_trt.errors import StorageError
from lightning_trt.passes import save

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("limit", "names"),
    [(1 << 30, ["model.onnx"]), (1000, ["model.data", "model.onnx"])],
    ids=["one file", "weights beside it"],
)
def test_the_files_that_were_written_are_told(limit: int, names: list[str], tmp_path: Path) -> None:
    """Weights beyond the limit lie beside the model."""
    paths = save(exported("residual").model, tmp_path / "model.onnx", max_weight_bytes=limit)

    assert sorted(path.name for path in paths) == sorted(path.name for path in tmp_path.iterdir()) == names


def test_weights_beside_the_model_are_read_back(tmp_path: Path) -> None:
    """The pair computes what the one file computes."""
    net = exported("residual")
    path, _ = save(net.model, tmp_path / "model.onnx", max_weight_bytes=1000)

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    np.testing.assert_allclose(session.run(None, net.feeds)[0], net.answer, rtol=1e-4, atol=1e-5)


def test_the_model_keeps_its_weights_in_memory(tmp_path: Path) -> None:
    """The same graph is saved for one candidate after another, and folders may move in between."""
    net = exported("residual")
    _, data = save(net.model, tmp_path / "model.onnx", max_weight_bytes=1000)
    data.unlink()

    save(net.model, tmp_path / "again.onnx")

    onnx.checker.check_model(onnx.load(str(tmp_path / "again.onnx")), full_check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
@pytest.mark.parametrize("limit", [1 << 30, 1000], ids=["one file", "weights beside it"])
def test_a_write_that_breaks_off_leaves_no_part(limit: int, tmp_path: Path) -> None:
    """As on a disk that is full: the run's folder holds no half of a graph."""
    import resource  # noqa: PLC0415 - POSIX

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(StorageError, match="cannot write"):
            save(exported("residual").model, tmp_path / "model.onnx", max_weight_bytes=limit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(tmp_path.iterdir()) == []
