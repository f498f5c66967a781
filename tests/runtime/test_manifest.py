"""Manifests, and engines that must not be opened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lightning_trt.artifacts import Boundary, Candidate, Engine, Structure, TensorSpec
from lightning_trt.errors import DigestMismatchError, ForeignEngineError, ManifestError
from lightning_trt.precision import DType, Precision
from lightning_trt.runtime import manifest
from lightning_trt.storage import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST = {"tensorrt": "8.6.1", "compute_capability": "9.0"}


def engine_in(folder: Path, *, name: str = "model.encoder") -> Engine:
    """An engine whose files lie in the folder, of every kind of field."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.engine").write_bytes(b"a plan")
    (folder / "weights.data").write_bytes(b"more of it")
    tensor = Structure(kind="tensor", index=0)
    call = Structure(kind="tuple", items=(Structure(kind="tuple", items=(tensor,)), Structure(kind="dict")))
    result = Structure(kind="dict", keys=("scores", 1), items=(tensor, Structure(kind="constant", value=None)))
    return Engine(
        folder=folder,
        file="model.engine",
        sha256=sha256_of(folder / "model.engine"),
        bytes=6,
        backend="tensorrt",
        backend_version="8.6.1",
        precision=Precision.int8,
        calibrator="percentile",
        boundary=Boundary(
            name=name,
            inputs=(TensorSpec(name="x", dtype="float32", shape=("batch", 3, "höhe")),),
            outputs=(TensorSpec(name="scores", dtype="float16", shape=("batch", 10)),),
            input_structure=call,
            output_structure=result,
        ),
        build_seconds=12.5,
        layers={DType.int8: 5, DType.fp16: 2},
        checkpoint_sha256="0" * 64,
        environment=HOST,
        options={"threads": "1"},
        notes=("export: opset 18",),
    )


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The manifest after somebody changed it."""
    path = folder / manifest.MANIFEST
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_an_engine_comes_back_from_its_manifest(tmp_path: Path) -> None:
    """Every field, without loss."""
    engine = engine_in(tmp_path)

    manifest.write(engine)

    assert manifest.read(tmp_path).engines == {"model.encoder": engine}


def test_every_file_is_listed(tmp_path: Path) -> None:
    """Weights beside the plan belong to it."""
    manifest.write(engine_in(tmp_path))

    assert set(manifest.read(tmp_path).files) == {"model.engine", "weights.data"}


def test_what_was_written_passes(tmp_path: Path) -> None:
    """Files and host are those of the manifest."""
    engine = engine_in(tmp_path)
    manifest.write(engine)

    manifest.check_files(manifest.read(tmp_path))
    manifest.check_host(engine, environment=HOST)


def test_a_folder_that_was_moved_passes(tmp_path: Path) -> None:
    """Paths are relative to it."""
    manifest.write(engine_in(tmp_path / "here"))
    (tmp_path / "here").rename(tmp_path / "there")

    found = manifest.read(tmp_path / "there")

    manifest.check_files(found)
    assert found.engines["model.encoder"].folder == tmp_path / "there"


@pytest.mark.parametrize("name", ["model.engine", "weights.data"])
@pytest.mark.parametrize("content", [b"a plan of somebody else's", b""], ids=["tampered", "empty"])
def test_a_file_that_was_changed_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """The sentence names the file."""
    manifest.write(engine_in(tmp_path))
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DigestMismatchError, match=f"{name} has the sha256"):
        manifest.check_files(manifest.read(tmp_path))


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    """An engine is its whole folder."""
    manifest.write(engine_in(tmp_path))
    (tmp_path / "weights.data").unlink()

    with pytest.raises(DigestMismatchError, match=r"weights\.data belongs to the engine and cannot be read"):
        manifest.check_files(manifest.read(tmp_path))


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({**HOST, "compute_capability": "8.9"}, "built for compute capability 9.0; here it is 8.9"),
        ({**HOST, "tensorrt": "10.0.1"}, "built for tensorrt 8.6.1; here it is 10.0.1"),
        ({"tensorrt": "8.6.1"}, "built for compute capability 9.0; here it is none"),
    ],
    ids=["other GPU", "other version", "no GPU"],
)
def test_an_engine_of_another_host_is_refused(tmp_path: Path, environment: dict[str, str], sentence: str) -> None:
    """The sentence has both, and says to export here."""
    with pytest.raises(ForeignEngineError, match=sentence):
        manifest.check_host(engine_in(tmp_path), environment=environment)


def test_more_in_the_host_does_not_matter(tmp_path: Path) -> None:
    """Only what the engine names must be found again."""
    manifest.check_host(replace(engine_in(tmp_path), environment={}), environment=HOST)


def test_a_missing_manifest_says_so(tmp_path: Path) -> None:
    """It names the way for files of one's own."""
    with pytest.raises(ManifestError, match="trust=True"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "\x00", "[1]", "null"], ids=["empty", "cut", "binary", "list", "null"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """Whatever stands there, it is our error that says so."""
    (tmp_path / manifest.MANIFEST).write_text(text, encoding="utf-8")

    with pytest.raises(ManifestError, match="manifest"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("schema", [2, 0, "1", True, None], ids=repr)
def test_another_schema_is_refused(tmp_path: Path, schema: object) -> None:
    """A later version's manifest may mean something else."""
    manifest.write(engine_in(tmp_path))
    edit(tmp_path, lambda document: document.update(schema=schema))

    with pytest.raises(ManifestError, match="reads schema 1"):
        manifest.read(tmp_path)


FIELDS = ["files", "backend", "precision", "boundary", "layers", "plan", "bytes", "environment", "options", "notes"]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_gone_is_named(tmp_path: Path, field: str) -> None:
    """An edited manifest is not guessed at."""
    manifest.write(engine_in(tmp_path))
    edit(tmp_path, lambda document: document.pop(field))

    with pytest.raises(ManifestError, match=f"KeyError: '{field}'"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("value", [7, "x", [1], {"a": 1}, None], ids=repr)
@pytest.mark.parametrize("field", ["files", "precision", "boundary", "layers"])
def test_a_field_of_another_type_is_refused(tmp_path: Path, field: str, value: object) -> None:
    """It never becomes some other error later."""
    manifest.write(engine_in(tmp_path))
    edit(tmp_path, lambda document: document.update({field: value}))

    with pytest.raises(ManifestError, match="manifest"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("name", ["../model.engine", "/etc/passwd", "a/../../b", "C:\\x", "\\\\host\\x", ""])
def test_a_plan_outside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    """A manifest cannot make us read other files."""
    manifest.write(engine_in(tmp_path))
    edit(tmp_path, lambda document: document.update(plan=name, files={name: "0" * 64}))

    with pytest.raises(ManifestError, match="outside its folder"):
        manifest.read(tmp_path)


def test_a_structure_without_one_of_its_tensors_is_refused(tmp_path: Path) -> None:
    """Each output has one place in the result."""
    manifest.write(engine_in(tmp_path))
    edit(tmp_path, lambda document: document["boundary"]["output_structure"]["items"][0].update(index=1))

    with pytest.raises(ManifestError, match="each of its tensors once"):
        manifest.read(tmp_path)


def test_several_boundaries_come_back_by_name(tmp_path: Path) -> None:
    """The manifest above them lists every file below it."""
    engines = {name: engine_in(tmp_path / name, name=name) for name in ("encoder", "decoder")}
    for engine in engines.values():
        manifest.write(engine)
    manifest.write_candidate(
        Candidate(
            name="int8-percentile", precision=Precision.int8, calibrator="percentile", folder=tmp_path, engines=engines
        )
    )

    found = manifest.read(tmp_path)

    assert found.engines == engines
    assert set(found.files) == {
        f"{name}/{file}" for name in engines for file in ("manifest.json", "model.engine", "weights.data")
    }


def test_manifests_open_without_torch_and_onnx() -> None:
    """A deployment that has only the engine's runtime reads them too."""
    code = "import sys; sys.modules['torch'] = sys.modules['onnx'] = None; import lightning_trt.runtime.manifest"

    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def candidate_in(folder: Path) -> Candidate:
    """One of two boundaries."""
    engines = {name: engine_in(folder / name, name=name) for name in ("encoder", "decoder")}
    for engine in engines.values():
        manifest.write(engine)
    candidate = Candidate(
        name="int8", precision=Precision.int8, calibrator="percentile", folder=folder, engines=engines
    )
    manifest.write_candidate(candidate)
    return candidate


def test_an_inner_engine_that_the_manifest_above_leaves_out_is_checked(tmp_path: Path) -> None:
    """No engine is opened whose digest nobody looked at."""
    folder = candidate_in(tmp_path / "int8").folder
    edit(folder, lambda it: it.update(files={}))
    (folder / "encoder" / "model.engine").write_bytes(b"another")

    with pytest.raises(DigestMismatchError):
        manifest.check_files(manifest.read(folder))


@pytest.mark.parametrize(
    "engines",
    [
        pytest.param({"a": "."}, id="itself"),
        pytest.param({"a": "inner"}, id="another above"),
        pytest.param({}, id="none"),
        pytest.param({"a": "../int8/encoder"}, id="outside"),
    ],
)
def test_a_manifest_above_names_engines_alone(tmp_path: Path, engines: dict[str, str]) -> None:
    """One that named itself would be read without end."""
    folder = candidate_in(tmp_path / "int8").folder
    candidate_in(folder / "inner")
    edit(folder, lambda it: it.update(engines=engines))

    with pytest.raises(ManifestError):
        manifest.read(folder)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    """Though the file there is, for now, the one that was built."""
    engine = engine_in(tmp_path / "int8")
    manifest.write(engine)
    (tmp_path / "int8" / "model.engine").rename(tmp_path / "elsewhere")
    (tmp_path / "int8" / "model.engine").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DigestMismatchError, match="outside the engine's folder"):
        manifest.check_files(manifest.read(tmp_path / "int8"))


def test_a_link_to_the_folder_passes(tmp_path: Path) -> None:
    """As of a run that is called `latest`."""
    manifest.write(engine_in(tmp_path / "int8"))
    (tmp_path / "latest").symlink_to(tmp_path / "int8")

    manifest.check_files(manifest.read(tmp_path / "latest"))


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Whoever read it would wait for ever."""
    manifest.write(engine_in(tmp_path / "int8"))
    (tmp_path / "int8" / "model.engine").unlink()
    os.mkfifo(tmp_path / "int8" / "model.engine")

    with pytest.raises(DigestMismatchError, match="a device or a pipe"):
        manifest.check_files(manifest.read(tmp_path / "int8"))


@pytest.mark.parametrize("name", ["a\x00b", "\\ud800"], ids=ascii)
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    """Not by whatever the system says of it."""
    manifest.write(engine_in(tmp_path / "int8"))
    edit(tmp_path / "int8", lambda it: it["files"].update({name: "0" * 64}))

    with pytest.raises((ManifestError, DigestMismatchError)):
        manifest.check_files(manifest.read(tmp_path / "int8"))


def test_data_types_are_those_of_tensors(tmp_path: Path) -> None:
    """Not any other name that torch has."""
    manifest.write(engine_in(tmp_path / "int8"))
    edit(tmp_path / "int8", lambda it: it["boundary"]["inputs"][0].update(dtype="load"))

    with pytest.raises(ManifestError, match="no data type"):
        manifest.read(tmp_path / "int8")
