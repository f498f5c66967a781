"""TensorRT on a GPU, the building side: settings, calibration, timings, children, engines built again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from backends.engines import built, net
from backends.on_gpu import error_of, items, needs_tensorrt

from lightning_trt.backends import choose, native
from lightning_trt.backends.tensorrt import TensorRT
from lightning_trt.errors import (
    BuildMemoryError,
    BuildTimeoutError,
    ForeignEngineError,
    UnsupportedPrecisionError,
)
from lightning_trt.loading import load, rebuild
from lightning_trt.precision import DType, Precision
from lightning_trt.runtime import manifest
from lightning_trt.settings import BuildSettings, HardwareCompatibility, TensorRTSettings
from lightning_trt.stages.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Engine, OnnxGraph


pytestmark = needs_tensorrt

in_child = BuildSettings(in_child=True)


def made(
    into: Path,
    *,
    name: str = "residual",
    precision: Precision = Precision.fp32,
    graph: OnnxGraph | None = None,
    settings: BuildSettings | None = None,
) -> Engine:
    """The net's engine, as the station builds it where types are the builder's.

    In fp32 by default: TensorRT may take no layer of so small a net in fp16, which is an error.
    """
    candidate = build(
        TensorRT(),
        {"net": graph or net(name).graph},
        name=into.name,
        precision=precision,
        calibrator=None,
        into=into,
        settings=settings or BuildSettings(),
    )
    (engine,) = candidate.engines.values()
    return engine


def with_timings(folder: Path) -> BuildSettings:
    """Settings that keep timings there."""
    return BuildSettings(tensorrt=TensorRTSettings(timing_cache=folder))


def test_auto_takes_tensorrt() -> None:
    """It is here, and it runs."""
    assert choose("auto").backend.name == "tensorrt"


@pytest.mark.parametrize("precision", [Precision.bf16, Precision.fp8], ids=lambda each: each.value)
def test_what_only_typed_graphs_have_is_refused(precision: Precision, tmp_path: Path) -> None:
    """By a TensorRT whose builder decides: the sentence says where it can be had."""
    backend = TensorRT()
    if backend._trt.has_strong_typing:
        pytest.skip(f"tensorrt {backend.version} has strong typing")

    with pytest.raises(UnsupportedPrecisionError, match=f"for {precision.value} on TensorRT 10 or later"):
        backend.build(net("residual").graph, precision=precision, into=tmp_path, settings=BuildSettings())


def test_a_calibration_cache_is_read_and_no_batch_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our ranges alone decide."""
    asked: list[object] = []
    monkeypatch.setattr(native._Feed, "addresses", lambda _feed, names: asked.append(names))

    engine = made(
        tmp_path / "int8",
        precision=Precision.int8,
        graph=replace(net("residual").graph, ranges=net("residual").ranges),
    )

    assert asked == []
    assert engine.layers[DType.int8] >= 3
    assert (tmp_path / "int8" / "calibration.cache").read_text().startswith("TRT-")


def test_a_native_calibrator_gets_whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the size that was asked for, each once; what is left of the items is dropped."""
    sizes: list[int] = []
    addresses = native._Feed.addresses

    def spied(feed: native._Feed, names: list[str]) -> list[int] | None:
        answer = addresses(feed, names)
        if answer:
            sizes.append(len(feed.held["input_0"]))
        return answer

    monkeypatch.setattr(native._Feed, "addresses", spied)

    TensorRT().calibrated(net("residual").graph, items(20), algorithm="minmax", batch_size=8, settings=BuildSettings())

    assert sizes == [8, 8]


def test_a_cache_of_another_network_costs_nothing_but_time(tmp_path: Path) -> None:
    """TensorRT refuses it, in its log; the engine is right all the same, and the cache is not kept."""
    mine, others = tmp_path / "mine", tmp_path / "others"
    made(tmp_path / "first", settings=with_timings(mine))
    made(tmp_path / "other", name="depthwise", settings=with_timings(others))
    (cache,), (foreign,) = mine.glob("*.timing"), others.glob("*.timing")
    content = foreign.read_bytes()
    shutil.copy(foreign, cache)

    engine = made(tmp_path / "second", settings=with_timings(mine))

    assert error_of(engine) < 2e-3
    assert not cache.exists() or cache.read_bytes() != content


def test_the_users_profiles_are_those_of_the_engine(tmp_path: Path) -> None:
    """Any batch of one of them runs, larger ones are split."""
    settings = TensorRTSettings(profiles=({"batch": [1, 1, 1]}, {"batch": [2, 4, 16]}))
    engine = made(tmp_path / "fp32", settings=BuildSettings(tensorrt=settings))

    assert max(error_of(engine, samples) for samples in (1, 2, 16, 40)) < 2e-3


def test_an_engine_for_ampere_and_later_is_bound_to_no_gpu(tmp_path: Path) -> None:
    """Only to the versions; and it runs here."""
    settings = TensorRTSettings(hardware_compatibility=HardwareCompatibility.ampere_plus)

    engine = made(tmp_path / "fp32", settings=BuildSettings(tensorrt=settings))

    assert set(engine.environment) == {"tensorrt", "cuda"}
    assert error_of(engine) < 2e-3


def test_effort_and_workspace_are_taken(tmp_path: Path) -> None:
    """The least effort, little memory, one source of kernels: an engine all the same."""
    settings = TensorRTSettings(level=0, workspace_mb=256, tactic_sources=("JIT_CONVOLUTIONS",))

    assert error_of(made(tmp_path / "fp32", settings=BuildSettings(tensorrt=settings))) < 2e-3


def test_a_child_builds_the_same_engine(tmp_path: Path) -> None:
    """Within its time; its types are proved there, and it runs here."""
    engine = made(tmp_path / "fp32", settings=BuildSettings(time_limit_seconds=300))

    assert engine.layers[DType.fp32] >= 5
    assert error_of(engine) < 2e-3


def test_a_child_reads_a_calibration_cache(tmp_path: Path) -> None:
    """The ranges go there with the graph."""
    graph = replace(net("residual").graph, ranges=net("residual").ranges)

    engine = made(tmp_path / "int8", precision=Precision.int8, graph=graph, settings=in_child)

    assert engine.layers[DType.int8] >= 3


def test_a_build_beyond_its_time_is_ended(tmp_path: Path) -> None:
    """Nothing is left of it but, at most, its log."""
    with pytest.raises(BuildTimeoutError, match="took longer than 2 s and was ended"):
        made(tmp_path / "fp32", settings=BuildSettings(time_limit_seconds=2))

    assert not (tmp_path / "fp32").exists()


def test_want_of_device_memory_has_its_own_error(tmp_path: Path) -> None:
    """Everything is taken but what no process can start in; the child's end is not ours."""
    net("residual")
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    taken = torch.empty(max(free - (96 << 20), 0), dtype=torch.uint8, device="cuda")

    try:
        with pytest.raises(BuildMemoryError, match="memory"):
            made(tmp_path / "fp32", settings=in_child)
    finally:
        del taken
        torch.cuda.empty_cache()


@pytest.mark.parametrize("precision", [Precision.fp32, Precision.int8], ids=lambda each: each.value)
def test_a_foreign_engine_is_built_again(precision: Precision, tmp_path: Path) -> None:
    """One call from the error's sentence to an engine that runs here."""
    folder = built(net("residual"), TensorRT(), precision=precision, into=tmp_path / "engine").folder
    path = folder / "manifest.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "environment": {**told["environment"], "gpu": "another"}}))
    with pytest.raises(ForeignEngineError, match=r"lightning_trt\.rebuild"):
        load(folder)

    module = load(rebuild(folder))

    answer = net("residual").answer(8)
    assert (module(net("residual").call(8)[0][0]) - answer).norm() / answer.norm() < 5e-2


def test_an_engine_by_cache_is_built_again_with_its_ranges(tmp_path: Path) -> None:
    """They lie beside it, and nothing is calibrated."""
    graph = replace(net("residual").graph, ranges=net("residual").ranges)
    made(tmp_path / "int8", precision=Precision.int8, graph=graph)
    cache = (tmp_path / "int8" / "calibration.cache").read_text()

    rebuild(tmp_path / "int8")

    (engine,) = manifest.read(tmp_path / "int8").engines.values()
    assert engine.layers[DType.int8] >= 3
    assert (tmp_path / "int8" / "calibration.cache").read_text() == cache
