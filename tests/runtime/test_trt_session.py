"""A session over a TensorRT engine, on a stand-in for TensorRT's runtime; the real one is tested on a GPU."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import pytest
import torch
from backends.engines import built, net
from runtime.fake_tensorrt import Processor, make

from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.backends.trt_file import described
from lightning_trt.errors import EngineError, InputMismatchError, ManifestError, SessionClosedError
from lightning_trt.precision import DType, Precision
from lightning_trt.runtime import TRTModule, trt_call
from lightning_trt.runtime._trt import Package
from lightning_trt.runtime.trt_tensors import open_on_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Engine
    from lightning_trt.runtime.trt_session import TensorRTSession

TWO = [(1, 1, 1), (2, 4, 8)]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A residual net, whose plan is an ONNX file."""
    return built(net("residual"), OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "fp32")


@pytest.fixture
def processor() -> Processor:
    """Where the work goes."""
    return Processor()


def session(engine: Engine, processor: Processor, **how: Any) -> TensorRTSession[torch.Tensor]:
    """An open session over two profiles."""
    shares = how.pop("shares_profiles", True)
    return open_on_tensors(Package(make(TWO, shares_profiles=shares)), engine, queue=processor, **how)


def images(samples: int) -> dict[str, torch.Tensor]:
    """Inputs of the residual net."""
    return {"input_0": net("residual").call(samples)[0][0]}


def check(session: TensorRTSession[torch.Tensor], samples: int) -> None:
    """The session gives what the module gives."""
    result = session(images(samples))["output_0"]
    torch.testing.assert_close(result, net("residual").answer(samples), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 2, 8, 9, 19])
def test_every_batch_size_comes_back(engine: Engine, processor: Processor, samples: int) -> None:
    """In one profile or the other, and split beyond the largest."""
    check(session(engine, processor), samples)


def test_shapes_that_come_again_are_captured_once(engine: Engine, processor: Processor, monkeypatch: Any) -> None:
    """The first call runs plainly, the second is captured, all others replay it."""
    monkeypatch.setattr(trt_call, "_ALIGNMENT", 1 << 62)  # else chance decides which tensors are read in place
    opened = session(engine, processor)

    for _ in range(4):
        check(opened, 3)

    assert (processor.num_captures, processor.num_replays) == (1, 3)


def test_a_shape_that_comes_once_is_not_captured(engine: Engine, processor: Processor) -> None:
    """As that of a ragged last batch."""
    check(session(engine, processor), 5)

    assert processor.num_captures == 0


def test_what_cannot_be_captured_runs_plainly(engine: Engine) -> None:
    """It is tried once."""
    processor = Processor(captures=False)
    opened = session(engine, processor)

    for _ in range(4):
        check(opened, 3)

    assert (processor.num_captures, processor.num_replays) == (1, 0)


def test_graphs_can_be_left_out(engine: Engine, processor: Processor) -> None:
    """Then every call runs plainly."""
    opened = session(engine, processor, num_graphs=0)

    for _ in range(3):
        check(opened, 3)

    assert processor.num_captures == 0


def test_the_least_used_graph_makes_room(engine: Engine, processor: Processor) -> None:
    """The number of graphs is bounded, and what was let go can come back."""
    opened = session(engine, processor, num_graphs=2)

    for samples in (2, 3, 4, 2, 3, 4):
        check(opened, samples)

    assert len(opened._calls) == 2


def test_results_outlive_the_next_replay(engine: Engine, processor: Processor) -> None:
    """A graph writes to the same buffer each time; the caller's results are copies."""
    opened = session(engine, processor)
    results = [opened(images(samples))["output_0"] for samples in (3, 3, 3)]
    kept = [result.clone() for result in results]

    opened({"input_0": -images(3)["input_0"]})

    assert all(torch.equal(result, copy) for result, copy in zip(results, kept, strict=True))


def test_a_profile_that_is_lent_to_one_context_is_taken_back(engine: Engine, processor: Processor) -> None:
    """Plans built without profile sharing work with a context at a time."""
    opened = session(engine, processor, shares_profiles=False)

    for samples in (3, 4, 3, 1, 5):
        check(opened, samples)


def test_threads_take_turns(engine: Engine, processor: Processor) -> None:
    """Contexts share their scratch memory: calls of several threads give what one thread gives."""
    opened = session(engine, processor)
    batches = [images(samples) for samples in (1, 2, 3, 4)] * 4
    alone = [opened(batch)["output_0"] for batch in batches]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda batch: opened(batch)["output_0"], batches))

    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other)


def test_a_graph_of_inference_mode_serves_outside_of_it(engine: Engine, processor: Processor) -> None:
    """Its buffers are written to in both."""
    opened = session(engine, processor)
    with torch.inference_mode():
        check(opened, 3)
        check(opened, 3)

    check(opened, 3)


def test_tensors_that_come_again_are_read_in_place(engine: Engine, processor: Processor, monkeypatch: Any) -> None:
    """A graph over the caller's own addresses copies nothing in."""
    monkeypatch.setattr(trt_call, "_ALIGNMENT", 1)  # the processor's memory is aligned less than a GPU's
    opened = session(engine, processor)
    batch = images(3)

    for _ in range(4):
        torch.testing.assert_close(opened(batch)["output_0"], net("residual").answer(3), rtol=1e-4, atol=1e-5)

    (call,) = opened._calls.values()
    assert [graph.copied for graph in call._graphs.values()] == [()]


@pytest.fixture
def known(engine: Engine, processor: Processor, monkeypatch: Any) -> tuple[TRTModule, torch.Tensor]:
    """A module, and the tensor that it was called with until it was replayed."""
    monkeypatch.setattr(trt_call, "_ALIGNMENT", 1)  # the processor's memory is aligned less than a GPU's
    module = TRTModule(engine, open=lambda each: session(each, processor))
    batch = torch.randn(3, *images(1)["input_0"].shape[1:])
    for _ in range(4):
        module(batch)
    return module, batch


def test_a_call_that_is_known_takes_the_short_way(known: tuple[TRTModule, torch.Tensor]) -> None:
    """What lies at the same place is read anew."""
    module, batch = known
    batch.copy_(images(3)["input_0"])

    given = module._session.replayed([batch])

    torch.testing.assert_close(given["output_0"], net("residual").answer(3), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(module(batch), net("residual").answer(3), rtol=1e-4, atol=1e-5)


def test_a_caller_on_another_stream_takes_the_long_way(
    known: tuple[TRTModule, torch.Tensor], processor: Processor
) -> None:
    """There the order of the work has to be seen to."""
    module, batch = known
    processor.is_elsewhere = True

    assert module._session.replayed([batch]) is None


@pytest.mark.parametrize(
    "other",
    [
        lambda batch: batch[:2],
        lambda batch: batch.transpose(2, 3),
        lambda batch: batch.clone(),
        lambda batch: batch.view(torch.int32),
        lambda batch: batch.numpy(),
        lambda batch: batch.to("meta"),
    ],
    ids=["fewer", "transposed", "elsewhere", "whole numbers", "array", "meta"],
)
def test_no_other_call_takes_it(known: tuple[TRTModule, torch.Tensor], other: Any) -> None:
    """Though it may begin at the same place."""
    module, batch = known

    assert module._session.replayed([other(batch)]) is None


def test_results_of_the_short_way_may_be_kept(known: tuple[TRTModule, torch.Tensor]) -> None:
    """They are copies, as any."""
    module, batch = known
    first = module(batch)
    before = first.clone()

    module(batch.neg_())

    torch.testing.assert_close(first, before, rtol=0, atol=0)


def test_a_closed_session_knows_no_call(known: tuple[TRTModule, torch.Tensor]) -> None:
    """It says that it was closed."""
    module, batch = known
    module.close()

    with pytest.raises(SessionClosedError):
        module(batch)


def test_a_call_that_made_room_is_not_known(engine: Engine, processor: Processor, monkeypatch: Any) -> None:
    """Its context is gone."""
    monkeypatch.setattr(trt_call, "_ALIGNMENT", 1)  # the processor's memory is aligned less than a GPU's
    module = TRTModule(engine, open=lambda each: session(each, processor, num_graphs=1))
    batch = images(3)["input_0"]
    for _ in range(4):
        module(batch)

    module(images(2)["input_0"])

    assert module._session.replayed([batch]) is None


def test_buffers_by_turns_are_replayed_by_turns(engine: Engine, processor: Processor, monkeypatch: Any) -> None:
    """Also on the short way."""
    monkeypatch.setattr(trt_call, "_ALIGNMENT", 1)  # the processor's memory is aligned less than a GPU's
    two = replace(engine, options={"output_buffers": "2"})
    module = TRTModule(two, open=lambda each: session(each, processor))
    batch = images(3)["input_0"]
    for _ in range(6):
        module(batch)

    first, second, third = (module(batch) for _ in range(3))

    assert first.data_ptr() == third.data_ptr() != second.data_ptr()


def test_tensors_at_new_addresses_are_copied_in(engine: Engine, processor: Processor, monkeypatch: Any) -> None:
    """One graph over our own buffers serves them all."""
    monkeypatch.setattr(trt_call, "_ALIGNMENT", 1 << 62)  # else chance decides which tensors are read in place
    opened = session(engine, processor)
    held = [images(3) for _ in range(6)]

    for batch in held:
        torch.testing.assert_close(opened(batch)["output_0"], net("residual").answer(3), rtol=1e-4, atol=1e-5)

    assert processor.num_captures == 1


def test_results_lie_in_buffers_by_turns_where_asked(engine: Engine, processor: Processor) -> None:
    """A result holds until as many further calls; nothing is copied out."""
    opened = session(replace(engine, options={"output_buffers": "2"}), processor)
    for _ in range(3):
        opened(images(3))

    first, second, third = (opened({"input_0": sign * images(3)["input_0"]})["output_0"] for sign in (1, -1, 1))

    assert first.data_ptr() == third.data_ptr() != second.data_ptr()
    torch.testing.assert_close(first, net("residual").answer(3), rtol=1e-4, atol=1e-5)


def test_a_number_of_buffers_that_is_none_is_refused(engine: Engine, processor: Processor) -> None:
    """The manifest was edited."""
    with pytest.raises(ManifestError, match="output_buffers is 'two'"):
        session(replace(engine, options={"output_buffers": "two"}), processor)


def test_inputs_with_gradients_leave_no_history(engine: Engine, processor: Processor) -> None:
    """An engine has no gradients to give."""
    opened = session(engine, processor)
    batch = {"input_0": images(3)["input_0"].requires_grad_()}

    results = [opened(batch)["output_0"] for _ in range(3)]

    assert not any(result.requires_grad for result in results)


def test_whole_numbers_are_narrowed_and_widened(tmp_path: Path, processor: Processor) -> None:
    """TensorRT 8 has no int64: the engine's types are its own affair."""
    case = net("nested")
    engine = built(case, OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "fp32")
    args, kwargs = case.call(3)
    module = TRTModule(engine, open=lambda each: session(each, processor))

    for _ in range(3):
        torch.testing.assert_close(module(*args, **kwargs), case.answer(3))


def test_a_size_outside_the_profiles_is_refused(tmp_path: Path, processor: Processor) -> None:
    """The sentence names the axis and what to set."""
    case = net("text")
    engine = built(case, OnnxRuntime(), precision=Precision.fp32, into=tmp_path / "fp32")
    tokens = {spec.name: torch.ones(2, 9, dtype=torch.long) for spec in case.boundary.inputs}

    with pytest.raises(InputMismatchError, match=r"axis 'tokens' of input 'input_0' is 9; the engine .*axis_sizes"):
        session(engine, processor)(tokens)


def test_an_output_without_batch_cannot_be_split(engine: Engine, processor: Processor) -> None:
    """Which of its values would be right is anybody's guess."""
    (output,) = engine.boundary.outputs
    total = replace(output, shape=(19, *output.shape[1:]))
    opened = session(replace(engine, boundary=replace(engine.boundary, outputs=(total,))), processor)

    with pytest.raises(InputMismatchError, match="the output 'output_0' has no batch axis"):
        opened(images(19))


def test_a_plan_that_cannot_be_read_is_refused(engine: Engine, processor: Processor) -> None:
    """Truncated, or of another version."""
    (engine.folder / engine.file).write_bytes(b"x")

    with pytest.raises(EngineError, match="build it again here"):
        session(engine, processor)


def test_a_closed_session_says_so(engine: Engine, processor: Processor) -> None:
    """It does not crash."""
    opened = session(engine, processor)
    opened.close()
    opened.close()

    with pytest.raises(SessionClosedError, match="Load the engine again"):
        opened(images(2))


def test_layers_are_asked_with_shapes_set(engine: Engine, processor: Processor) -> None:
    """With dynamic shapes the inspector else says "N/A"."""
    assert session(engine, processor).layers() == {DType.fp32: 1}


def test_contexts_are_made_once_a_shape(engine: Engine, processor: Processor) -> None:
    """Setting shapes costs more than a call."""
    opened = session(engine, processor)

    for _ in range(5):
        opened(images(3))

    assert opened._plan.num_contexts == 1


def test_the_stand_in_narrows_int64() -> None:
    """Else the test of whole numbers tests nothing."""
    assert ir.DataType.INT64 is net("nested").graph.model.graph.inputs[2].dtype


def test_a_plan_alone_tells_its_boundary(engine: Engine) -> None:
    """Names, types and shapes; the first axis that may change is the batch."""
    found = described(Package(make(TWO)), engine.folder / engine.file)

    assert [found.inputs, found.outputs] == [engine.boundary.inputs, engine.boundary.outputs]
