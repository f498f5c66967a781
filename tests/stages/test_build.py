"""Candidates in their folders."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from backends.engines import candidate, net

from lightning_trt.backends import find
from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.errors import BuildError, StorageError, UnsupportedPrecisionError
from lightning_trt.precision import Precision, PrecisionHome
from lightning_trt.runtime import manifest
from lightning_trt.settings import BuildSettings, settings_of
from lightning_trt.stages.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Candidate, OnnxGraph


def named(graph: OnnxGraph, name: str) -> OnnxGraph:
    """The graph as that of a boundary of this name."""
    return replace(graph, boundary=replace(graph.boundary, name=name))


def both(into: Path, *, first: str = "encoder", second: str = "decoder") -> Candidate:
    """A candidate with two boundaries."""
    graphs = {first: named(net("nested").graph, first), second: named(net("residual").graph, second)}
    return build(
        OnnxRuntime(),
        graphs,
        name="fp32",
        precision=Precision.fp32,
        calibrator=None,
        into=into,
        settings=BuildSettings(threads=1),
    )


def test_one_boundary_lies_in_the_candidates_folder(tmp_path: Path) -> None:
    """With its manifest."""
    candidate(net("nested"), OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "fp32")

    assert sorted(path.name for path in (tmp_path / "fp32").iterdir()) == ["manifest.json", "model.onnx"]


def test_the_candidate_is_what_its_manifest_says(tmp_path: Path) -> None:
    """Folders are those that it was moved to."""
    made = candidate(net("residual"), OnnxRuntime(), precision=Precision.int8, into=tmp_path / "int8-minmax")

    assert manifest.read(tmp_path / "int8-minmax").engines == made.engines


def test_the_engine_carries_what_the_station_knows(tmp_path: Path) -> None:
    """Calibrator, checkpoint, time, and the notes of the stations before."""
    (engine,) = candidate(
        net("residual"), OnnxRuntime(), precision=Precision.int8, into=tmp_path / "int8"
    ).engines.values()

    assert (engine.calibrator, engine.checkpoint_sha256) == ("minmax", "0" * 64)
    assert engine.build_seconds > 0
    assert engine.notes[0].startswith("export: opset")


@pytest.mark.parametrize("name", ["", "model"], ids=["the module itself", "a part"])
def test_several_boundaries_have_folders_of_their_names(tmp_path: Path, name: str) -> None:
    """The one without a name lies in `self`."""
    made = both(tmp_path / "fp32", first=name)

    assert [engine.folder.name for engine in made.engines.values()] == [name or "self", "decoder"]


def test_several_boundaries_have_a_manifest_above_them(tmp_path: Path) -> None:
    """It lists every file, and they are what it says."""
    made = both(tmp_path / "fp32")

    found = manifest.read(tmp_path / "fp32")
    manifest.check_files(found)
    assert found.engines == made.engines


def test_what_cannot_be_built_leaves_what_was_there(tmp_path: Path) -> None:
    """A candidate is written whole or not at all, the second boundary's failure included."""
    into = tmp_path / "fp32"
    both(into)
    before = {path: path.stat().st_mtime_ns for path in into.rglob("*")}
    broken = net("residual").graph.model.clone()
    next(node for node in broken.graph if node.op_type == "Relu").op_type = "NoSuchOperator"
    graphs = {"encoder": net("nested").graph, "decoder": replace(net("residual").graph, model=broken)}

    with pytest.raises(BuildError, match="NoSuchOperator"):
        build(
            OnnxRuntime(),
            graphs,
            name="fp32",
            precision=Precision.fp32,
            calibrator=None,
            into=into,
            settings=BuildSettings(),
        )

    assert {path: path.stat().st_mtime_ns for path in into.rglob("*")} == before
    assert [path.name for path in tmp_path.iterdir()] == ["fp32"]


def test_a_precision_that_the_backend_lacks_is_refused(tmp_path: Path) -> None:
    """Nothing is left behind."""
    with pytest.raises(UnsupportedPrecisionError, match="tf32"):
        candidate(net("nested"), OnnxRuntime(), precision=Precision.tf32, into=tmp_path / "tf32")

    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file stands where a folder must."""
    (tmp_path / "taken").write_text("a file", encoding="utf-8")

    with pytest.raises(StorageError, match="taken is a file"):
        candidate(net("nested"), OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "taken" / "fp32")


def test_what_could_not_be_built_leaves_its_log(tmp_path: Path) -> None:
    """Beside the folder that does not come; the sentence names it."""
    pytest.importorskip("tensorrt_rtx", reason="the package tensorrt-rtx-cu13, of the group `test`, is not installed")
    model = net("residual").graph.model.clone()
    next(node for node in model.graph if node.op_type == "Relu").op_type = "NoSuchOperator"
    graph = replace(net("residual").graph, model=model)

    with pytest.raises(BuildError, match=r"The whole log is fp32\.log"):
        build(
            find("tensorrt_rtx"),
            {"net": graph},
            name="fp32",
            precision=Precision.fp32,
            calibrator=None,
            into=tmp_path / "fp32",
            settings=BuildSettings(),
        )

    assert [path.name for path in tmp_path.iterdir()] == ["fp32.log"]
    assert "NoSuchOperator" in (tmp_path / "fp32.log").read_text()


def test_the_engine_tells_how_to_build_it_again(tmp_path: Path) -> None:
    """Its settings, the sizes that were seen, and what the graph's types tell."""
    settings = BuildSettings(threads=2)
    made = candidate(net("text"), OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "fp32", settings=settings)

    recipe = made.engines["net"].recipe
    assert recipe is not None
    assert settings_of(BuildSettings, recipe.settings) == BuildSettings(threads=2)
    assert recipe.sizes == net("text").graph.sizes
    assert recipe.precision_lives_in is PrecisionHome.graph
