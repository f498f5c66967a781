"""From folders to modules."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from backends.engines import candidate, net
from renderers.example_report import example_report

import lightning_trt
from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.errors import DigestMismatchError, EngineError, ManifestError, ReportError, SettingsError
from lightning_trt.loading import load
from lightning_trt.precision import Precision
from lightning_trt.renderers.json import to_text
from lightning_trt.runtime import TRTModule
from lightning_trt.settings import BuildSettings
from lightning_trt.stages.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of the residual net's int8 engine."""
    return candidate(net("residual"), OnnxRuntime(), precision=Precision.int8, into=tmp_path / "int8").folder


def run_of(folder: Path, *, chosen: str | None) -> Path:
    """A run that chose that candidate; `fp16` is the residual net's, the others' folders are not there."""
    report = replace(example_report(folder), chosen=chosen)
    candidate(net("residual"), OnnxRuntime(), precision=Precision.fp16, into=folder / "fp16")
    (folder / "report.json").write_text(to_text(report), encoding="utf-8")
    return folder


def test_an_engine_folder_gives_its_module(folder: Path) -> None:
    """It computes what the net computes, in int8."""
    case = net("residual")

    engine = load(folder)

    answer = case.answer(4)
    assert (engine(case.inputs[0]) - answer).norm() / answer.norm() < 5e-2


def test_a_path_may_be_text(folder: Path) -> None:
    """As users type it; and `load` stands at the front door."""
    assert isinstance(lightning_trt.load(str(folder)), TRTModule)


def test_a_folder_may_move(folder: Path, tmp_path: Path) -> None:
    """To another name, or another machine of the kind."""
    shutil.move(folder, tmp_path / "elsewhere")

    assert isinstance(load(tmp_path / "elsewhere"), TRTModule)


def test_a_run_gives_its_chosen_candidate(tmp_path: Path) -> None:
    """By the report's word."""
    engine = load(run_of(tmp_path / "run", chosen="fp16"))

    assert isinstance(engine, TRTModule)
    assert engine.engine.precision is Precision.fp16


def test_a_run_that_chose_none_names_its_candidates(tmp_path: Path) -> None:
    """The one without an engine is not among them."""
    run = run_of(tmp_path / "run", chosen=None)

    with pytest.raises(EngineError, match=r"chose no candidate.*load one of fp32, fp16, int8-percentile"):
        load(run)


def test_a_folder_of_runs_names_them(tmp_path: Path) -> None:
    """It does not say which is meant."""
    run = run_of(tmp_path / "best-1f0c7a3e", chosen="fp16")

    with pytest.raises(EngineError, match=rf"holds runs, not an engine\. Load one of them: {run}\."):
        load(tmp_path)


def test_a_report_that_is_none_is_refused(tmp_path: Path) -> None:
    """The run's report is read as strictly as by the gate."""
    (tmp_path / "report.json").write_text("{", encoding="utf-8")

    with pytest.raises(ReportError, match="not readable as JSON"):
        load(tmp_path)


def test_several_boundaries_give_a_module_dict(tmp_path: Path) -> None:
    """By name, with `_` for each `.`."""
    graphs = {
        name: replace(net(kind).graph, boundary=replace(net(kind).boundary, name=name))
        for name, kind in (("model.encoder", "nested"), ("head", "residual"))
    }
    build(
        OnnxRuntime(),
        graphs,
        name="fp32",
        precision=Precision.fp32,
        calibrator=None,
        into=tmp_path / "fp32",
        settings=BuildSettings(),
    )

    engines = load(tmp_path / "fp32")

    assert isinstance(engines, torch.nn.ModuleDict)
    assert list(engines) == ["model_encoder", "head"]


def test_a_file_that_was_changed_is_not_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest is looked at before onnxruntime reads a byte."""
    monkeypatch.setattr(OnnxRuntime, "open", lambda *_: pytest.fail("it was opened"))
    (folder / "model.onnx").write_bytes(b"something else")

    with pytest.raises(DigestMismatchError, match="is not the file that was built"):
        load(folder)


def test_an_engine_without_a_manifest_is_not_opened(folder: Path) -> None:
    """The sentence says how to open one's own."""
    (folder / "manifest.json").unlink()

    with pytest.raises(ManifestError, match="trust=True"):
        load(folder)


def test_trust_opens_an_engine_without_a_manifest(folder: Path) -> None:
    """Its inputs are positional, its one output a tensor."""
    (folder / "manifest.json").unlink()
    images = net("residual").inputs[0]

    assert load(folder, trust=True)(images).shape == (4, 10)


def test_trust_does_not_pass_over_a_manifest(folder: Path) -> None:
    """What is there is checked."""
    (folder / "model.onnx").write_bytes(b"something else")

    with pytest.raises(DigestMismatchError):
        load(folder, trust=True)


def test_an_engine_of_an_unknown_backend_is_refused(folder: Path) -> None:
    """A later version may know it."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "backend": "openvino"}), encoding="utf-8")

    with pytest.raises(ValueError, match="'openvino' is not a backend"):
        load(folder)


def test_output_buffers_reach_the_session(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an option of the engine that is opened, beside those that it was built with."""
    opened: list[Engine] = []
    really_open = OnnxRuntime.open
    monkeypatch.setattr(OnnxRuntime, "open", lambda self, engine: opened.append(engine) or really_open(self, engine))

    load(folder, output_buffers=2)
    load(folder)

    assert [engine.options.get("output_buffers") for engine in opened] == ["2", None]
    assert opened[0].options["optimization"] == opened[1].options["optimization"]


@pytest.mark.parametrize("number", [-1, 1.5, "2"])
def test_output_buffers_are_counted(folder: Path, number: object) -> None:
    """In whole numbers."""
    with pytest.raises(SettingsError, match=r"output_buffers is .*; it must be a whole number from 0"):
        load(folder, output_buffers=number)  # type: ignore[arg-type]


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    """The sentence says what to give."""
    with pytest.raises(EngineError, match="is no folder; expected that of an engine or of a run"):
        load(tmp_path / "absent")
