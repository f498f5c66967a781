"""TensorRT on a GPU."""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from backends.conformance import Conformance
from backends.engines import built, net
from backends.on_gpu import Item, error_of, images, items, needs_tensorrt

from lightning_trt.artifacts import Range, Ranges
from lightning_trt.backends.native import ALGORITHMS
from lightning_trt.backends.tensorrt import TensorRT
from lightning_trt.errors import EngineError, InputMismatchError, NoSamplesError
from lightning_trt.precision import DType, Precision
from lightning_trt.runtime import TRTModule
from lightning_trt.runtime.trt_tensors import open_on_tensors
from lightning_trt.settings import BuildSettings, TensorRTSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lightning_trt.artifacts import Engine


pytestmark = needs_tensorrt


class TestConformance(Conformance):
    """The cases of every backend; TensorRT 8.6 may crash on a graph that it cannot read."""

    precise = "wide"
    settings = BuildSettings(in_child=True)

    @pytest.fixture
    def backend(self) -> TensorRT:
        """The backend under test."""
        return TensorRT()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The residual net, with both profiles; in fp32, for TensorRT may take no layer of so small a net in fp16."""
    folder = tmp_path_factory.mktemp("engine") / "fp32"
    return built(net("residual"), TensorRT(), precision=Precision.fp32, into=folder)


def with_ranges(ranges: Ranges, into: Path) -> Engine:
    """The residual net in int8, by a calibration cache of these ranges."""
    into.mkdir()
    graph = replace(net("residual").graph, ranges=ranges)
    return TensorRT().build(graph, precision=Precision.int8, into=into, settings=BuildSettings())


def test_our_ranges_are_taken_as_a_calibration_cache(tmp_path: Path) -> None:
    """The builder reads them, asks for no batch, and quantizes."""
    engine = with_ranges(net("residual").ranges, tmp_path / "int8")

    assert engine.layers[DType.int8] >= 3
    assert error_of(engine) < 0.1


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_native_calibrators_find_ranges_that_serve(algorithm: str, tmp_path: Path) -> None:
    """Each feeds on single items, and its cache builds an engine as ours does."""
    found = TensorRT().calibrated(
        net("residual").graph, items(32), algorithm=algorithm, batch_size=8, settings=BuildSettings()
    )

    greatest = float(net("residual").call(32)[0][0].abs().max())
    assert 0.3 * greatest < float(found.tensors["input_0"].amax) < 1.3 * greatest
    assert error_of(with_ranges(found, tmp_path / "int8")) < 0.2


def test_an_exception_of_the_data_is_raised() -> None:
    """TensorRT swallows it, and would calibrate on the batches before."""

    def broken() -> Iterator[Item]:
        yield from items(8)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        TensorRT().calibrated(
            net("residual").graph, broken(), algorithm="entropy2", batch_size=8, settings=BuildSettings()
        )


def test_too_few_samples_for_a_native_calibrator_are_an_error() -> None:
    """An engine calibrated on nothing is none."""
    with pytest.raises(NoSamplesError, match="got no batch of 8"):
        TensorRT().calibrated(
            net("residual").graph, items(3), algorithm="minmax", batch_size=8, settings=BuildSettings()
        )


def test_one_profile_is_for_batch_one_and_one_for_more(engine: Engine) -> None:
    """The runtime chooses; larger batches are split."""
    with TensorRT().open(engine) as session:
        bounds = [profile["input_0"] for profile in session._profiles.bounds]

    assert [(low[0], high[0]) for low, _, high in bounds] == [(1, 1), (2, 64)]


def test_graphs_give_what_plain_calls_give(engine: Engine) -> None:
    """Also when shapes come in turns, and one context's graph is replayed after another's."""
    trt = TensorRT()._trt
    with open_on_tensors(trt, engine) as replayed, open_on_tensors(trt, engine, num_graphs=0) as plain:
        for samples in (1, 4, 1, 4, 8, 1, 4, 8, 150, 1):
            batch = images(samples)
            torch.testing.assert_close(replayed(batch), plain(batch))


def test_graphs_are_really_captured(engine: Engine) -> None:
    """Else the fallback would hide it."""
    with TensorRT().open(engine) as session:
        for _ in range(3):
            session(images(4))

        assert all(call._graphs for call in session._calls.values())


def test_the_callers_stream_is_respected(engine: Engine) -> None:
    """An input that is still being computed on a stream of the caller's is waited for."""
    with TensorRT().open(engine) as session:
        expected = session(images(8))["output_0"]
        stream = torch.cuda.Stream()
        slow = torch.randn(4096, 4096, device="cuda")
        torch.cuda.synchronize()
        for _ in range(4):
            with torch.cuda.stream(stream):
                for _ in range(20):
                    slow = slow @ slow * 1e-3
                batch = {"input_0": images(8)["input_0"] + 0 * slow[0, 0].nan_to_num(0, 0, 0)}
                result = session(batch)["output_0"].clone()
            torch.testing.assert_close(result.cpu(), expected.cpu())


def test_inputs_may_lie_anywhere(engine: Engine) -> None:
    """On the processor, channels last, or cut from a larger tensor; results come back to where they came from."""
    module = TRTModule(engine, open=TensorRT().open)
    batch = net("residual").call(4)[0][0]
    wide = torch.cat([batch, batch], 3)[..., : batch.shape[3]]

    results = [module(each) for each in (batch, batch.to(memory_format=torch.channels_last), wide, batch.cuda())]

    assert [result.device.type for result in results] == ["cpu", "cpu", "cpu", "cuda"]
    for result in results[1:]:
        torch.testing.assert_close(result.cpu(), results[0])


def test_a_copy_has_a_session_of_its_own(engine: Engine) -> None:
    """Closing one leaves the other."""
    module = TRTModule(engine, open=TensorRT().open)
    copy = deepcopy(module)
    module.close()

    assert copy(images(2)["input_0"]).shape == (2, 10)


def test_closing_gives_memory_back(engine: Engine) -> None:
    """Twenty sessions, one after the other, take no more than one."""
    with TensorRT().open(engine) as session:
        session(images(8))
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    for _ in range(20):
        with TensorRT().open(engine) as session:
            session(images(8))
    torch.cuda.empty_cache()

    assert free - torch.cuda.mem_get_info()[0] < 64 << 20


def test_a_plan_alone_tells_its_tensors(engine: Engine) -> None:
    """Adopted, it takes positional arguments and gives what it gave."""
    adopted = TensorRT().adopt(engine.folder / engine.file)
    batch = images(4)["input_0"]

    results = [TRTModule(each, open=TensorRT().open)(batch) for each in (engine, adopted)]

    torch.testing.assert_close(*results)


def test_a_truncated_plan_is_refused(engine: Engine, tmp_path: Path) -> None:
    """An adopted plan has no digest: TensorRT itself must refuse it."""
    (tmp_path / engine.file).write_bytes((engine.folder / engine.file).read_bytes()[:2000])

    with pytest.raises(EngineError, match="cannot open"):
        TensorRT().open(replace(engine, folder=tmp_path))


def test_the_second_build_is_faster_by_the_timing_cache(tmp_path: Path) -> None:
    """What was measured once is read again, for the same network with other weights too."""
    settings = BuildSettings(tensorrt=TensorRTSettings(timing_cache=tmp_path / "timing"))
    seconds = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        start = time.perf_counter()
        TensorRT().build(net("residual").graph, precision=Precision.fp32, into=tmp_path / name, settings=settings)
        seconds.append(time.perf_counter() - start)

    assert len(list((tmp_path / "timing").glob("*.timing"))) == 1
    assert seconds[1] < 0.8 * seconds[0]


def test_a_timing_cache_that_is_refused_is_replaced(tmp_path: Path) -> None:
    """Garbage costs time, and nothing else."""
    settings = BuildSettings(tensorrt=TensorRTSettings(timing_cache=tmp_path / "timing"))
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        TensorRT().build(net("residual").graph, precision=Precision.fp32, into=tmp_path / name, settings=settings)
        (cache,) = (tmp_path / "timing").glob("*.timing")
        size = cache.stat().st_size
        cache.write_bytes(b"garbage")

    assert size > 100


def test_tokens_outside_the_profile_are_refused(tmp_path: Path) -> None:
    """The sentence names the axis, and what to set."""
    case = net("text")
    engine = built(case, TensorRT(), precision=Precision.fp32, into=tmp_path / "fp32")
    tokens = {spec.name: torch.ones(2, 1000, dtype=torch.long) for spec in case.boundary.inputs}

    with TensorRT().open(engine) as session, pytest.raises(InputMismatchError, match="axis_sizes"):
        session(tokens)


def test_ranges_of_unknown_tensors_do_no_harm(tmp_path: Path) -> None:
    """A cache may hold more than the graph."""
    ranges = {**net("residual").ranges.tensors, "nobody": Range(low=-1.0, high=1.0)}

    assert with_ranges(Ranges(tensors=ranges), tmp_path / "int8").layers[DType.int8] >= 3
