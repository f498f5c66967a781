"""A new engine in place of one that does not run here."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import pytest
import torch
from backends.engines import candidate, net
from renderers.example_report import example_report

import lightning_trt
from lightning_trt import backends
from lightning_trt.artifacts import Candidate
from lightning_trt.backends.calibration_cache import text_of
from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.errors import BuildError, DigestMismatchError, EngineError, ForeignEngineError
from lightning_trt.loading import load, rebuild
from lightning_trt.precision import DType, Precision
from lightning_trt.renderers.json import to_text
from lightning_trt.runtime import manifest
from lightning_trt.settings import BuildSettings, TensorRTSettings
from lightning_trt.stages.build import build
from lightning_trt.stages.rewrite import rewrite

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Engine, OnnxGraph
    from lightning_trt.protocols import Backend

HEADER = "TRT-8601-EntropyCalibration2"
SETTINGS = BuildSettings(threads=2, tensorrt=TensorRTSettings(level=1, compute_capabilities=("8.9",)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of the residual net's int8 engine."""
    return candidate(net("residual"), OnnxRuntime(), precision=Precision.int8, into=tmp_path / "int8").folder


def rtx() -> Backend:
    """TensorRT-RTX, which builds here and does not run here."""
    pytest.importorskip("tensorrt_rtx", reason="the package tensorrt-rtx-cu13, of the group `test`, is not installed")
    return backends.find("tensorrt_rtx")


def made(backend: Backend, graph: OnnxGraph, *, precision: Precision, into: Path) -> Engine:
    """The engine of `graph`, as the station builds it with these settings."""
    return one(
        build(
            backend,
            {graph.boundary.name: graph},
            name=into.name,
            precision=precision,
            calibrator="minmax",
            into=into,
            settings=SETTINGS,
            checkpoint_sha256="1" * 64,
        )
    )


def one(built: Candidate | Path) -> Engine:
    """The one engine of a candidate, or of its folder."""
    engines = built.engines if isinstance(built, Candidate) else manifest.read(built).engines
    (engine,) = engines.values()
    return engine


def edited(folder: Path, **told: Any) -> Path:
    """The folder, whose manifest says otherwise."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}), encoding="utf-8")
    return folder


def as_for_the_builder(folder: Path, graph: OnnxGraph) -> Path:
    """The engine's folder, as TensorRT 8 would have left it: the graph is fp32, what else was told the builder."""
    recipe = json.loads((folder / "manifest.json").read_text())["recipe"]
    ir.save(graph.model, folder / "model.onnx")
    engine = replace(one(folder), folder=folder)
    (folder / "manifest.json").unlink()
    manifest.write(engine)
    return edited(folder, recipe={**recipe, "precision_lives_in": "builder"})


def test_a_rebuilt_engine_computes_what_the_old_one_did(folder: Path) -> None:
    """Ranges are in its graph; nothing is calibrated again."""
    images = net("residual").inputs[0]
    before = load(folder)(images)

    after = load(rebuild(folder))(images)

    assert torch.equal(after, before)


def test_the_front_door_has_it(folder: Path) -> None:
    """As errors name it; a path may be text."""
    assert lightning_trt.rebuild(str(folder)) == folder


def test_a_truncated_plan_is_no_hindrance(tmp_path: Path) -> None:
    """It is what is replaced."""
    engine = made(rtx(), net("residual").graph, precision=Precision.fp32, into=tmp_path / "fp32")
    (tmp_path / "fp32" / "model.rtx").write_bytes(b"cut")

    rebuild(tmp_path / "fp32")

    assert one(tmp_path / "fp32").layers == engine.layers
    manifest.check_files(manifest.read(tmp_path / "fp32"))


def test_settings_and_origin_are_kept(tmp_path: Path) -> None:
    """Capabilities, level, calibrator and checkpoint are those of the first build."""
    first = made(rtx(), net("residual").graph, precision=Precision.fp32, into=tmp_path / "fp32")

    second = one(rebuild(tmp_path / "fp32"))

    assert second.recipe == first.recipe
    assert (second.options, second.calibrator, second.checkpoint_sha256) == (first.options, "minmax", "1" * 64)


def test_the_timing_caches_folder_stays_at_home(tmp_path: Path) -> None:
    """It is this machine's."""
    settings = BuildSettings(tensorrt=TensorRTSettings(timing_cache=tmp_path / "timing"))
    graphs = {"net": net("residual").graph}
    build(
        OnnxRuntime(),
        graphs,
        name="fp32",
        precision=Precision.fp32,
        calibrator=None,
        into=tmp_path / "fp32",
        settings=settings,
    )

    assert str(tmp_path) not in (tmp_path / "fp32" / "manifest.json").read_text()


def test_the_new_engine_says_that_it_was_not_measured(folder: Path) -> None:
    """The report tells of the one before."""
    assert one(rebuild(folder)).notes[0].startswith("built again from its ONNX: drops and latency in the report")


def test_a_foreign_engine_names_the_call(folder: Path) -> None:
    """The sentence can be pasted."""
    edited(folder, environment={"gpu": "H100"})

    with pytest.raises(ForeignEngineError, match=rf"with lightning_trt\.rebuild\('{folder}'\)"):
        load(folder)

    assert load(rebuild(folder)) is not None


def test_a_plan_that_was_changed_names_the_call(tmp_path: Path) -> None:
    """What it was built from lies beside it."""
    made(rtx(), net("residual").graph, precision=Precision.fp32, into=tmp_path / "fp32")
    (tmp_path / "fp32" / "model.rtx").write_bytes(b"cut")

    with pytest.raises(DigestMismatchError, match=r"lightning_trt\.rebuild\("):
        load(tmp_path / "fp32")


def test_an_onnx_that_was_changed_is_not_built(folder: Path) -> None:
    """Only what was exported becomes an engine."""
    (folder / "model.onnx").write_bytes(b"something else")

    with pytest.raises(DigestMismatchError, match="is not the file that was built"):
        rebuild(folder)


def test_a_build_that_fails_leaves_the_old_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole or not at all."""

    def broken(*_: Any, **__: Any) -> Engine:
        raise BuildError("no kernel")

    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(OnnxRuntime, "build", broken)

    with pytest.raises(BuildError, match="no kernel"):
        rebuild(folder)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_other_files_are_not_lost(folder: Path) -> None:
    """The folder is replaced as a whole; what is not of the engine stops that before the work."""
    (folder / "notes.txt").write_text("mine")

    with pytest.raises(EngineError, match=r"holds notes\.txt, which its manifest does not know"):
        rebuild(folder)


def test_an_engine_without_a_recipe_is_refused(folder: Path) -> None:
    """Nothing is guessed."""
    path = folder / "manifest.json"
    told = json.loads(path.read_text())
    del told["recipe"]
    path.write_text(json.dumps(told), encoding="utf-8")

    with pytest.raises(EngineError, match="does not say how the engine was built"):
        rebuild(folder)


def test_a_run_rebuilds_its_chosen_candidate(tmp_path: Path) -> None:
    """As `load` opens it."""
    candidate(net("residual"), OnnxRuntime(), precision=Precision.fp16, into=tmp_path / "fp16")
    report = replace(example_report(tmp_path), chosen="fp16")
    (tmp_path / "report.json").write_text(to_text(report), encoding="utf-8")

    assert rebuild(tmp_path) == tmp_path / "fp16"


def test_several_boundaries_are_rebuilt_together(tmp_path: Path) -> None:
    """Each in its folder, with the manifest above them."""
    graphs = {
        name: replace(net(kind).graph, boundary=replace(net(kind).boundary, name=name))
        for name, kind in (("encoder", "nested"), ("head", "residual"))
    }
    build(
        OnnxRuntime(),
        graphs,
        name="fp32",
        precision=Precision.fp32,
        calibrator=None,
        into=tmp_path / "fp32",
        settings=SETTINGS,
    )

    engines = load(rebuild(tmp_path / "fp32"))

    assert isinstance(engines, torch.nn.ModuleDict)
    assert list(engines) == ["encoder", "head"]


@pytest.mark.parametrize("precision", [Precision.fp16, Precision.int8], ids=lambda each: each.value)
def test_a_later_generation_types_what_the_builder_was_told(precision: Precision, tmp_path: Path) -> None:
    """A graph that TensorRT 8 read as fp32, or with Q/DQ alone, has its precision in its types afterwards."""
    case, backend = net("residual"), rtx()
    ranges = case.ranges if precision.is_quantized else None
    typed = rewrite(case.graph, precision=precision, high_precision=Precision.fp16, ranges=ranges)
    first = made(backend, typed, precision=precision, into=tmp_path / "typed")
    told = rewrite(case.graph, precision=precision, high_precision=Precision.fp32, ranges=ranges)
    as_for_the_builder(tmp_path / "typed", told if precision.is_quantized else case.graph)

    layers = one(rebuild(tmp_path / "typed")).layers

    assert layers == first.layers
    assert layers[DType.fp16] >= 5


def test_ranges_of_a_calibration_cache_become_pairs(tmp_path: Path) -> None:
    """Where no cache is read any more."""
    case, backend = net("residual"), rtx()
    typed = rewrite(case.graph, precision=Precision.int8, high_precision=Precision.fp16, ranges=case.ranges)
    first = made(backend, typed, precision=Precision.int8, into=tmp_path / "int8")
    (tmp_path / "int8" / "calibration.cache").write_text(text_of(case.ranges, header=HEADER), encoding="utf-8")
    as_for_the_builder(tmp_path / "int8", case.graph)

    assert one(rebuild(tmp_path / "int8")).layers == first.layers
