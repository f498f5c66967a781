"""Engines opened on numpy arrays, where torch need not be."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from backends.engines import built, candidate, net
from runtime.fake_pycuda import driver
from runtime.fake_tensorrt import make

from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.errors import (
    BackendNotAvailableError,
    DigestMismatchError,
    EngineError,
    ForeignEngineError,
    InputMismatchError,
    ManifestError,
    SessionClosedError,
    SessionError,
    SettingsError,
)
from lightning_trt.precision import DType, Precision
from lightning_trt.runtime import _cuda, _trt, manifest, open_engine
from lightning_trt.runtime.profiling import profiled

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lightning_trt.artifacts import Engine
    from lightning_trt.runtime import ArraySession

HERE = {"tensorrt": "8.6.1", "cuda": "12.0", "gpu": "a GPU", "compute_capability": "9.0"}

RUN_WITHOUT_TORCH = """
import sys
missing = ("torch", "pytorch_lightning", "lightning", "torchmetrics", "onnx", "onnx_ir", "scipy", "hydra")
sys.modules.update(dict.fromkeys(missing))  # None there: importing it is an error
import numpy as np
from lightning_trt.runtime import open_engine
with open_engine(sys.argv[1]) as session:
    np.save(sys.argv[2], session({"input_0": np.load(sys.argv[3])})["output_0"])
"""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """The residual net on onnxruntime."""
    return built(net("residual"), OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "fp32")


def images(samples: int) -> dict[str, NDArray[Any]]:
    """Inputs of the residual net."""
    return {"input_0": net("residual").call(samples)[0][0].numpy()}


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Any:
    """pycuda, and TensorRT with two profiles, on a stand-in of a GPU."""
    cuda = driver()
    monkeypatch.setattr(_cuda, "driver", lambda: cuda)
    monkeypatch.setattr(_trt, "package", lambda _: _trt.Package(make([(1, 1, 1), (2, 4, 8)])))
    return cuda


@pytest.fixture
def plan(engine: Engine) -> Engine:
    """The same, as an engine of TensorRT, whose plan is an ONNX file there."""
    made = replace(engine, backend="tensorrt", backend_version="8.6.1", environment=HERE)
    manifest.write(made)
    return made


def check(session: ArraySession, samples: int) -> None:
    """The session gives what the module gives."""
    result = session(images(samples))["output_0"]
    np.testing.assert_allclose(result, net("residual").answer(samples).numpy(), rtol=1e-4, atol=1e-5)


def test_an_engine_runs_where_torch_is_not_installed(engine: Engine, tmp_path: Path) -> None:
    """Nor onnx, nor Lightning; its numbers are those of the module."""
    np.save(tmp_path / "in.npy", images(3)["input_0"])
    arguments = [str(engine.folder), str(tmp_path / "out.npy"), str(tmp_path / "in.npy")]
    command = [sys.executable, "-W", "error", "-c", RUN_WITHOUT_TORCH, *arguments]

    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    answer = net("residual").answer(3).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), answer, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 2, 8, 9, 19])
@pytest.mark.usefixtures("cuda")
def test_every_batch_size_comes_back(plan: Engine, samples: int) -> None:
    """From TensorRT through pycuda: in one profile or the other, and split beyond the largest."""
    with open_engine(plan.folder) as session:
        check(session, samples)


@pytest.mark.usefixtures("cuda")
def test_results_are_fresh(plan: Engine) -> None:
    """The buffers are written to again; what was given is kept."""
    with open_engine(plan.folder) as session:
        first = session(images(3))["output_0"]
        kept = first.copy()
        session({"input_0": -images(3)["input_0"]})

        np.testing.assert_array_equal(first, kept)


@pytest.mark.usefixtures("cuda")
def test_memory_layout_does_not_matter(plan: Engine) -> None:
    """A view of every second image is read as what it shows."""
    wide = np.repeat(images(3)["input_0"], 2, axis=0)

    with open_engine(plan.folder) as session:
        result = session({"input_0": wide[::2]})["output_0"]

        np.testing.assert_array_equal(result, session(images(3))["output_0"])


def test_closing_gives_memory_back(plan: Engine, cuda: Any) -> None:
    """All of it, in the context that it belongs to; and no context stays entered."""
    before = cuda.Allocation.free_bytes

    with open_engine(plan.folder) as session:
        check(session, 3)

    assert (cuda.Allocation.free_bytes, cuda.Context.entered) == (before, [])


@pytest.mark.usefixtures("cuda")
def test_a_closed_session_says_so(plan: Engine) -> None:
    """It does not crash."""
    session = open_engine(plan.folder)
    session.close()
    session.close()

    with pytest.raises(SessionClosedError, match="Load the engine again"):
        session(images(2))


@pytest.mark.usefixtures("cuda")
def test_whole_numbers_are_narrowed_and_widened(tmp_path: Path) -> None:
    """TensorRT 8 has no int64: the engine's types are its own affair."""
    case = net("nested")
    made = built(case, OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "nested")
    manifest.write(replace(made, backend="tensorrt", environment=HERE))
    inputs = {spec.name: tensor.numpy() for spec, tensor in zip(case.boundary.inputs, case.inputs, strict=True)}

    with open_engine(made.folder) as session:
        outputs = session(inputs)

    assert [outputs[spec.name].dtype.name for spec in case.boundary.outputs] == ["float32", "int64", "bool"]


def test_too_little_memory_says_how_much(plan: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to do."""
    monkeypatch.setattr(_cuda, "driver", lambda: driver(num_bytes=8))
    monkeypatch.setattr(_trt, "package", lambda _: _trt.Package(make([(1, 1, 8)])))

    with pytest.raises(SessionError, match="MiB of device memory, which are not free"):
        open_engine(plan.folder)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("gpu", "another GPU", "built for gpu another GPU; here it is a GPU"),
        ("tensorrt", "10.0.1", r"built for tensorrt 10\.0\.1; here it is 8\.6\.1"),
        ("cuda", "14.1", r"built for cuda 14\.1; here it is 13\.0"),
    ],
    ids=["foreign GPU", "other TensorRT", "driver too old"],
)
@pytest.mark.usefixtures("cuda")
def test_an_engine_of_another_host_is_not_opened(plan: Engine, key: str, value: str, sentence: str) -> None:
    """The sentence has both."""
    manifest.write(replace(plan, environment={**HERE, key: value}))

    with pytest.raises(ForeignEngineError, match=sentence):
        open_engine(plan.folder)


@pytest.mark.parametrize("content", [b"something else", b"", None], ids=["tampered", "empty", "truncated"])
def test_a_plan_that_was_changed_is_not_opened(engine: Engine, content: bytes | None) -> None:
    """The digest is looked at before a byte is deserialised."""
    path = engine.folder / engine.file
    path.write_bytes(path.read_bytes()[:100] if content is None else content)

    with pytest.raises(DigestMismatchError, match="is not the file that was built"):
        open_engine(engine.folder)


def test_an_engine_without_a_manifest_is_not_opened(engine: Engine) -> None:
    """Nothing says what it needs."""
    (engine.folder / "manifest.json").unlink()

    with pytest.raises(ManifestError, match=r"there is no manifest\.json"):
        open_engine(engine.folder)


def test_a_folder_of_engines_names_them(engine: Engine) -> None:
    """A run, or a candidate of several boundaries."""
    with pytest.raises(EngineError, match=rf"Open one of them: {engine.folder}\."):
        open_engine(engine.folder.parent)


def test_an_unknown_backend_is_refused(engine: Engine) -> None:
    """A later version may know it."""
    path = engine.folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "backend": "openvino"}), encoding="utf-8")

    with pytest.raises(SettingsError, match="'openvino' is not a backend"):
        open_engine(engine.folder)


def test_a_machine_without_a_gpu_is_named(plan: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, and how to see it."""
    monkeypatch.setitem(sys.modules, "pycuda.driver", driver(num_gpus=0))
    monkeypatch.setattr(_trt, "package", lambda _: _trt.Package(make([(1, 1, 8)])))

    with pytest.raises(BackendNotAvailableError, match="no GPU"):
        open_engine(plan.folder)


def test_other_inputs_are_refused(engine: Engine) -> None:
    """Names, types and shapes are those of the boundary."""
    with open_engine(engine.folder) as session, pytest.raises(InputMismatchError, match="has type float64"):
        session({"input_0": images(2)["input_0"].astype(np.float64)})


def test_onnxruntime_tells_the_time_of_each_node(engine: Engine) -> None:
    """The slowest first, each with the type of what it takes."""
    seen = profiled(engine, sizes={"batch": 2}, num_runs=3)

    assert [each.time_ms for each in seen] == sorted((each.time_ms for each in seen), reverse=True)
    assert {each.dtype for each in seen} == {DType.fp32}
    assert any("Conv" in each.name for each in seen)


@pytest.mark.usefixtures("cuda")
def test_tensorrt_tells_the_time_of_each_layer(plan: Engine) -> None:
    """What moves values has no type."""
    seen = profiled(plan, sizes={}, num_runs=3)

    assert [(each.name, each.time_ms, each.dtype) for each in seen] == [
        ("gemm", 3.0, DType.fp32),
        ("Reformat", 1.0, None),
    ]


def test_an_axis_of_unknown_size_is_asked_for(tmp_path: Path) -> None:
    """Onnxruntime was tuned for no size."""
    engine = built(net("text"), OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "text")

    with pytest.raises(InputMismatchError, match=r"Give one: --axis tokens=64"):
        profiled(engine, sizes={}, num_runs=1)


def test_a_candidate_of_one_boundary_is_an_engine(tmp_path: Path) -> None:
    """Its folder is the engine's."""
    folder = candidate(net("residual"), OnnxRuntime(), precision=Precision.int8, into=tmp_path / "int8").folder

    with open_engine(folder) as session:
        assert sum(session.layers().values()) > 5
