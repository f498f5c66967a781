"""Latency of calls that take a known time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import torch
from backends.engines import net

from lightning_trt.artifacts import Boundary, Structure, TensorSpec
from lightning_trt.settings import LatencySettings
from lightning_trt.stages.measure import measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_trt.artifacts import Latency

QUICK = LatencySettings(batch_sizes=(1, 8), warmup_seconds=0.001, seconds=0.05)


def taking(milliseconds: float) -> Callable[..., None]:
    """A callable that takes so long, whatever it is given."""
    return lambda *_args, **_kwargs: time.sleep(milliseconds / 1e3)


def measured(calls: dict[str, Callable[..., object]], *, settings: LatencySettings = QUICK) -> Any:
    """Latencies of callables with the nested net's boundary."""
    case = net("nested")
    return measure(calls, case.inputs, boundary=case.boundary, settings=settings).latencies


def test_batch_sizes_come_in_their_order() -> None:
    """One latency each."""
    latencies = measured({"engine": taking(0)})["engine"]

    assert [latency.batch for latency in latencies] == [1, 8]


def test_milliseconds_are_milliseconds() -> None:
    """A call that sleeps for two takes at least two."""
    latency: Latency = measured({"engine": taking(2)})["engine"][0]

    assert 2 <= latency.p50_ms <= latency.p90_ms <= latency.p99_ms < 1000


def test_throughput_counts_samples() -> None:
    """Eight samples in at least two milliseconds are at most 4,000 a second."""
    latency = measured({"engine": taking(2)})["engine"][1]

    assert 8 < latency.throughput <= 4000


def test_each_callable_gets_batches_of_each_size() -> None:
    """In the nest of the boundary, with its constants."""
    seen: set[tuple[int, ...]] = set()

    def call(parts: dict[str, torch.Tensor], *, rows: torch.Tensor, scale: float) -> None:
        seen.add((len(parts["x"]), len(parts["bias"]), len(rows), int(scale)))

    measured({"engine": call})

    assert seen == {(1, 1, 1, 2), (8, 8, 8, 2)}


def test_ten_calls_are_timed_at_least() -> None:
    """Also where one takes longer than all the time there is."""
    calls: list[int] = []
    settings = LatencySettings(batch_sizes=(1,), warmup_seconds=0.001, seconds=0.001)

    measured({"engine": lambda *_args, **_kwargs: calls.append(len(calls))}, settings=settings)
    few = len(calls)
    measured({"engine": lambda *_args, **_kwargs: (time.sleep(0.002), calls.append(1))}, settings=settings)

    assert few >= 10
    assert len(calls) - few == 12


def test_a_first_call_may_take_long() -> None:
    """It may compile; the warm-up begins after it, and the clock after that."""
    calls: list[int] = []

    def call(*_args: object, **_kwargs: object) -> None:
        time.sleep(0 if calls else 0.1)
        calls.append(1)

    latency = measured({"engine": call}, settings=LatencySettings(batch_sizes=(1,), warmup_seconds=0.01, seconds=0.01))

    assert latency["engine"][0].p99_ms < 100
    assert len(calls) > 12


def test_callables_take_turns() -> None:
    """What slows the machine for a while slows all of them."""
    order: list[str] = []
    settings = LatencySettings(batch_sizes=(1,), warmup_seconds=0.0001, seconds=0.001)

    measured(
        {name: lambda *_args, name=name, **_kwargs: (time.sleep(0.001), order.append(name)) for name in "ab"},
        settings=settings,
    )

    assert "".join(order) == "aabb" + "ab" * 10


def test_nothing_is_recorded_for_gradients() -> None:
    """As in validation."""
    modes: set[bool] = set()

    measured({"engine": lambda *_args, **_kwargs: modes.add(torch.is_inference_mode_enabled())})

    assert modes == {True}


def test_without_a_batch_axis_the_inputs_are_timed_as_they_are() -> None:
    """As one sample."""
    call = Structure(
        kind="tuple",
        items=(Structure(kind="tuple", items=(Structure(kind="tensor", index=0),)), Structure(kind="dict")),
    )
    spec = TensorSpec(name="x", dtype="float32", shape=(3,))
    boundary = Boundary(name="", inputs=(spec,), outputs=(), input_structure=call, output_structure=call)

    found = measure({"engine": lambda x: x + 1}, (torch.zeros(3),), boundary=boundary, settings=QUICK)

    assert [latency.batch for latency in found.latencies["engine"]] == [1]


def test_one_failure_costs_the_others_nothing() -> None:
    """A callable that fails at one batch size has no latency, but its reason."""

    def call(parts: dict[str, torch.Tensor], **_kwargs: object) -> None:
        if len(parts["x"]) > 1:
            raise ZeroDivisionError

    case = net("nested")
    found = measure({"bad": call, "good": taking(0)}, case.inputs, boundary=case.boundary, settings=QUICK)

    assert isinstance(found.failures["bad"], ZeroDivisionError)
    assert found.latencies.keys() == {"good"}
    assert len(found.latencies["good"]) == 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_the_time_is_the_gpus() -> None:
    """A call that returns while the GPU works takes until the GPU is done, and no longer."""
    case = net("nested")
    settings = LatencySettings(batch_sizes=(1,), warmup_seconds=0.01, seconds=0.1)
    matrix = torch.randn(4096, 4096, device="cuda")

    found = measure(
        {"none": lambda *_args, **_kwargs: None, "one": lambda *_args, **_kwargs: matrix @ matrix},
        tuple(tensor.cuda() for tensor in case.inputs),
        boundary=case.boundary,
        settings=settings,
    )

    (none,), (one,) = found.latencies["none"], found.latencies["one"]
    assert none.p50_ms < 0.1 < one.p50_ms
