"""An engine stands where a module stood."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import torch
from backends.engines import Net, built, net
from torch import Tensor, nn

from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.errors import (
    DigestMismatchError,
    ForeignEngineError,
    InputMismatchError,
    ManifestError,
    SessionClosedError,
    SessionError,
)
from lightning_trt.precision import Precision
from lightning_trt.runtime import TRTModule

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def residual() -> Net:
    """Images in, logits out."""
    return net("residual")


@pytest.fixture
def images(residual: Net) -> Tensor:
    """A batch of four."""
    return residual.inputs[0]


@pytest.fixture
def engine(residual: Net, tmp_path: Path) -> TRTModule:
    """The residual net's fp32 engine."""
    backend = OnnxRuntime()
    made = built(residual, backend, precision=Precision.fp32, into=tmp_path / "fp32")
    return TRTModule(made, open=backend.open)


@pytest.fixture
def text(tmp_path: Path) -> TRTModule:
    """The fp32 engine of a net with whole numbers and a second axis that changes."""
    backend = OnnxRuntime()
    return TRTModule(built(net("text"), backend, precision=Precision.fp32, into=tmp_path / "text"), open=backend.open)


def test_results_carry_no_gradients(engine: TRTModule, images: Tensor) -> None:
    """An input that asks for them is taken all the same."""
    result = engine(images.clone().requires_grad_())

    assert not result.requires_grad


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_inputs_are_taken_as_under_autocast(engine: TRTModule, images: Tensor, dtype: torch.dtype) -> None:
    """Results are in the boundary's type."""
    result = engine(images.to(dtype))

    assert result.dtype is torch.float32
    torch.testing.assert_close(result, engine(images.to(dtype).float()))


def test_autocast_around_the_call_changes_nothing(engine: TRTModule, images: Tensor) -> None:
    """The engine's arithmetic is its own."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = engine(images)

    torch.testing.assert_close(result, engine(images))


def test_double_inputs_are_refused(engine: TRTModule, images: Tensor) -> None:
    """As the module refuses them; the sentence says how to convert."""
    with pytest.raises(InputMismatchError, match=r"has type float64.*\.to\(torch\.float32\)"):
        engine(images.double())


def test_whole_numbers_of_another_width_are_taken(text: TRTModule) -> None:
    """As an embedding takes them."""
    ids, mask = net("text").inputs

    result = text(ids.int(), mask.to(torch.int16))

    torch.testing.assert_close(result, text(ids, mask))


def test_floats_for_whole_numbers_are_refused(text: TRTModule) -> None:
    """An embedding refuses them too."""
    ids, mask = net("text").inputs

    with pytest.raises(InputMismatchError, match="'input_0' has type float32; the engine takes int64"):
        text(ids.float(), mask)


def test_another_number_of_tokens_is_taken(text: TRTModule) -> None:
    """The axis was exported as one that changes."""
    ids, mask = (tensor[:, :3] for tensor in net("text").inputs)

    with torch.no_grad():
        answer = net("text").module(ids, mask)

    torch.testing.assert_close(text(ids, mask), answer, rtol=1e-4, atol=1e-5)


def test_inputs_that_disagree_about_the_batch_are_refused(text: TRTModule) -> None:
    """The sentence names both inputs."""
    ids, mask = net("text").inputs

    with pytest.raises(InputMismatchError, match=r"'input_1'.*must be 4 as that of 'input_0'"):
        text(ids, mask[:2])


def test_an_empty_batch_gives_an_empty_result(engine: TRTModule, images: Tensor) -> None:
    """Of the shape and type of the module's."""
    result = engine(images[:0])

    assert (result.shape, result.dtype) == (torch.Size([0, 10]), torch.float32)


def test_an_empty_batch_of_another_shape_is_refused(engine: TRTModule) -> None:
    """It is no free pass."""
    with pytest.raises(InputMismatchError, match=r"\(batch, 3, 16, 16\)"):
        engine(torch.zeros(0, 3, 8, 8))


def test_a_call_of_another_form_is_refused(engine: TRTModule, images: Tensor) -> None:
    """The sentence names the place."""
    with pytest.raises(InputMismatchError, match="a tuple of 0 at args; expected a tuple of 1"):
        engine(x=images)


def test_random_state_is_left_alone(engine: TRTModule, images: Tensor) -> None:
    """Whoever draws after the call draws as without it."""
    before = torch.get_rng_state()

    engine(images)

    assert torch.equal(torch.get_rng_state(), before)


def test_it_stays_in_evaluation_mode(engine: TRTModule) -> None:
    """Also inside a module that is put in training mode."""
    nn.Sequential(engine).train()

    assert not engine.training


def test_it_has_no_parameters(engine: TRTModule) -> None:
    """An optimizer finds nothing to change."""
    assert not [*engine.parameters(), *engine.buffers()]


def test_a_saved_state_makes_another_engine_the_same(engine: TRTModule, images: Tensor, tmp_path: Path) -> None:
    """Files, manifest and all, inside a larger module's checkpoint too."""
    backend = OnnxRuntime()
    other = TRTModule(
        built(net("residual"), backend, precision=Precision.int8, into=tmp_path / "int8"), open=backend.open
    )
    torch.save(nn.Sequential(engine).state_dict(), tmp_path / "state.pt")

    nn.Sequential(other).load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))

    assert torch.equal(other(images), engine(images))
    assert torch.equal(copy.deepcopy(other)(images), engine(images))


def test_loading_its_own_state_changes_nothing(engine: TRTModule) -> None:
    """The open session stays."""
    session = engine._session

    engine.load_state_dict(engine.state_dict())

    assert engine._session is session


def test_a_state_that_was_changed_is_refused(engine: TRTModule) -> None:
    """Digests are looked at before anything is opened."""
    state = engine.state_dict()
    state["_extra_state"]["model.onnx"] = torch.zeros(3, dtype=torch.uint8)

    with pytest.raises(DigestMismatchError, match="is not the file that was built"):
        engine.load_state_dict(state)


def test_a_state_cannot_write_elsewhere(engine: TRTModule) -> None:
    """Its names are paths inside the folder."""
    state = engine.state_dict()
    state["_extra_state"]["../escaped"] = torch.zeros(3, dtype=torch.uint8)

    with pytest.raises(ManifestError, match="outside its folder"):
        engine.load_state_dict(state)


def test_the_state_of_another_part_is_refused(engine: TRTModule, text: TRTModule) -> None:
    """As torch refuses weights of other shapes."""
    with pytest.raises(ForeignEngineError, match="with the same inputs and outputs"):
        engine.load_state_dict(text.state_dict())


def test_threads_share_a_module(text: TRTModule) -> None:
    """What several compute at a time is bit for bit what one computes."""
    calls = [tuple(tensor[:samples] for tensor in net("text").inputs) for samples in (1, 2, 3, 4)] * 8
    alone = [text(*call) for call in calls]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda call: text(*call), calls))

    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def test_it_tells_what_goes_in_and_out(engine: TRTModule) -> None:
    """In one line, with backend and precision."""
    version = OnnxRuntime.version

    assert repr(engine) == (
        f"TRTModule(fp32 on onnxruntime {version}: input_0 float32[batch, 3, 16, 16] -> output_0 float32[batch, 10])"
    )


def test_a_closed_engine_says_so(engine: TRTModule, images: Tensor) -> None:
    """Closing twice is fine."""
    engine.close()
    engine.close()

    with pytest.raises(SessionClosedError, match="was closed"):
        engine(images)


def test_a_deep_copy_outlives_the_original(engine: TRTModule, images: Tensor) -> None:
    """It has a session of its own."""
    result = engine(images)
    copied = copy.deepcopy(nn.Sequential(engine))

    engine.close()

    torch.testing.assert_close(copied(images), result)


def test_pickling_is_refused_with_the_way_out(engine: TRTModule) -> None:
    """Spawned processes load the folder instead."""
    with pytest.raises(SessionError, match=r"Send the path of the folder and call lightning_trt\.load"):
        pickle.dumps(engine)


@pytest.mark.parametrize("name", ["residual", "nested"])
def test_a_failure_inside_names_the_shapes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What onnxruntime raises comes out as ours."""
    backend, case = OnnxRuntime(), net(name)
    module = TRTModule(built(case, backend, precision=Precision.fp32, into=tmp_path / "fp32"), open=backend.open)
    monkeypatch.setattr(module._session._session, "_outputs", ["no such output"])
    args, kwargs = case.call(2)

    with pytest.raises(SessionError, match="onnxruntime failed on inputs of shape input_0"):
        module(*args, **kwargs)
