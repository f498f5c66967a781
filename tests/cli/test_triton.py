"""An engine in a Triton model repository, whose config is read back by protobuf."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cli.exported import export_small, trained
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from lightning_trt.artifacts import Engine, Recipe, TensorSpec
from lightning_trt.cli import main
from lightning_trt.errors import SettingsError
from lightning_trt.precision import PrecisionHome
from lightning_trt.renderers import triton
from lightning_trt.runtime import manifest

if TYPE_CHECKING:
    from pathlib import Path

TYPES = ("INVALID", "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32")
TEXT, INTEGER, ENUM, MESSAGE = 9, 3, 14, 11
FIELDS = {
    "Shape": [("shape", INTEGER, None, True)],
    "Tensor": [
        ("name", TEXT, None, False),
        ("data_type", ENUM, "DataType", False),
        ("dims", INTEGER, None, True),
        ("reshape", MESSAGE, "Shape", False),
    ],
    "Group": [("kind", ENUM, "Kind", False), ("profile", TEXT, None, True)],
    "Batching": [],
    "ModelConfig": [
        ("name", TEXT, None, False),
        ("platform", TEXT, None, False),
        ("max_batch_size", INTEGER, None, False),
        ("input", MESSAGE, "Tensor", True),
        ("output", MESSAGE, "Tensor", True),
        ("instance_group", MESSAGE, "Group", True),
        ("dynamic_batching", MESSAGE, "Batching", False),
    ],
}


def parsed(text: str) -> Any:
    """The config as a message with the fields of Triton's `ModelConfig` that we write."""
    file = descriptor_pb2.FileDescriptorProto(name="config.proto", syntax="proto3")
    for name, values in {"DataType": [f"TYPE_{each}" for each in TYPES], "Kind": ["KIND_AUTO", "KIND_GPU"]}.items():
        kind = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            kind.value.add(name=value, number=number)
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for number, (field, sort, of, is_repeated) in enumerate(fields, start=1):
            message.field.add(name=field, number=number, type=sort, type_name=of, label=3 if is_repeated else 1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    config = message_factory.GetMessageClass(pool.FindMessageTypeByName("ModelConfig"))()
    return text_format.Parse(text, config)


@pytest.fixture(scope="module")
def run_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with one int8 engine of ONNX Runtime's."""
    root = tmp_path_factory.mktemp("triton")
    return export_small(trained(root), root / "trt")


@pytest.fixture(scope="module")
def engine(run_path: Path) -> Engine:
    """Its engine."""
    (found,) = manifest.read(run_path / "int8-mse").engines.values()
    return found


def as_plan(engine: Engine, **told: object) -> Engine:
    """The engine as TensorRT would have built it."""
    settings = {"tensorrt": {"max_batch": 64, "profiles": [], **told}}
    recipe = Recipe(settings=settings, sizes={}, precision_lives_in=PrecisionHome.graph)
    return replace(engine, backend="tensorrt", recipe=recipe)


def test_the_engine_is_version_1_of_a_model(run_path: Path, tmp_path: Path) -> None:
    """Byte by byte the one of the run, and its config names what it takes and gives."""
    code = main(["triton", str(run_path / "int8-mse"), "--repository", str(tmp_path), "--name", "net"])

    config = parsed((tmp_path / "net" / "config.pbtxt").read_text())
    assert code == 0
    assert (tmp_path / "net" / "1" / "model.onnx").read_bytes() == (run_path / "int8-mse" / "model.onnx").read_bytes()
    assert (config.name, config.platform, config.max_batch_size) == ("net", "onnxruntime_onnx", 64)
    assert config.HasField("dynamic_batching")


def test_tensors_are_told_without_the_batch(engine: Engine) -> None:
    """Which Triton adds itself."""
    config = parsed(triton.config(engine, name="net"))

    told = [(each.name, list(each.dims)) for each in (*config.input, *config.output)]
    specs = (*engine.boundary.inputs, *engine.boundary.outputs)
    assert told == [(spec.name, list(spec.shape[1:])) for spec in specs]


def test_a_plan_is_served_with_all_of_its_profiles(engine: Engine) -> None:
    """One for batch 1, one for more; Triton would take the first alone."""
    config = parsed(triton.config(as_plan(engine), name="net"))

    assert (config.platform, config.max_batch_size) == ("tensorrt_plan", 64)
    assert list(config.instance_group[0].profile) == ["0", "1"]


def test_the_largest_batch_is_that_of_the_users_profiles(engine: Engine) -> None:
    """Triton must not make larger ones."""
    plan = as_plan(engine, profiles=[{"batch": [1, 4, 8]}, {"batch": [9, 16, 24]}, {"batch": [1, 1, 1]}])

    config = parsed(triton.config(plan, name="net"))

    assert config.max_batch_size == 24
    assert list(config.instance_group[0].profile) == ["0", "1", "2"]


def test_without_a_batch_everywhere_requests_stay_as_they_are(engine: Engine) -> None:
    """Then all axes are told, dynamic ones as -1."""
    whole = TensorSpec(name="loss", dtype="float32", shape=())
    boundary = replace(engine.boundary, outputs=(whole, *engine.boundary.outputs[1:]))

    config = parsed(triton.config(replace(engine, boundary=boundary), name="net"))

    assert (config.max_batch_size, config.input[0].dims[0]) == (0, -1)
    assert not config.HasField("dynamic_batching")


def test_one_value_a_sample_is_a_vector_of_one(engine: Engine) -> None:
    """Triton refuses empty dims."""
    scalar = TensorSpec(name="score", dtype="float32", shape=("batch",))
    boundary = replace(engine.boundary, outputs=(scalar,))

    config = parsed(triton.config(replace(engine, boundary=boundary), name="net"))

    assert (list(config.output[0].dims), list(config.output[0].reshape.shape)) == ([1], [])


def test_a_model_that_is_there_stays(run_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a sentence, and the code of wrong usage."""
    (tmp_path / "net").mkdir()

    code = main(["triton", str(run_path / "int8-mse"), "--repository", str(tmp_path), "--name", "net"])

    assert (code, list((tmp_path / "net").iterdir())) == (2, [])
    assert "is there already, and stays as it is" in capsys.readouterr().err


def test_an_engine_that_triton_does_not_serve_is_refused(engine: Engine) -> None:
    """TensorRT-RTX has no backend there."""
    with pytest.raises(SettingsError, match=r"which Triton does not serve\. Export with one of"):
        triton.config(replace(engine, backend="tensorrt_rtx"), name="net")
