"""torch2trt's `TRTModule`: its state, its folder, and engines that nobody vouches for."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import torch
from compat.nets import ON_CPU, images, net
from torch import Tensor, nn

from lightning_trt import load
from lightning_trt.compat.torch2trt import TRTModule, torch2trt
from lightning_trt.errors import (
    BackendNotAvailableError,
    DigestMismatchError,
    EngineError,
    ForeignEngineError,
    InputMismatchError,
    ManifestError,
    SessionError,
    SettingsError,
)
from lightning_trt.runtime.manifest import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Made:
    """An engine in its folder, the module that `torch2trt()` gave, and its state."""

    folder: Path
    module: TRTModule
    state: dict[str, Tensor]


def text_of(file: Tensor) -> str:
    """The text of a file in a state."""
    return file.numpy().tobytes().decode()


def as_file(text: str) -> Tensor:
    """A file of a state with that text."""
    return torch.tensor(list(text.encode()), dtype=torch.uint8)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A net of two layers, converted once."""
    folder = tmp_path_factory.mktemp("engine") / "fp32"
    module = torch2trt(net(), [images(2)], dirpath=folder, **ON_CPU)
    return Made(folder=folder, module=module, state=module.state_dict())


def test_a_state_goes_through_a_file(made: Made, tmp_path: Path) -> None:
    """Saved and loaded as torch2trt's documentation has it, by torch's own safe loader."""
    torch.save(made.module.state_dict(), tmp_path / "model_trt.pth")

    model_trt = TRTModule()
    model_trt.load_state_dict(torch.load(tmp_path / "model_trt.pth", weights_only=True))

    assert torch.equal(model_trt(images(2)), made.module(images(2)))


def test_a_state_holds_bytes_alone(made: Made) -> None:
    """Which is what plain `torch.load` reads."""
    assert {each.dtype for each in made.state.values()} == {torch.uint8}


def test_a_module_within_a_module_keeps_its_state(made: Made) -> None:
    """Under its name, which torch2trt loses for what is nested."""

    class Outer(nn.Module):
        def __init__(self, inner: TRTModule) -> None:
            super().__init__()
            self.inner = inner
            self.head = nn.Linear(10, 2)

    other = Outer(TRTModule())
    other.load_state_dict(Outer(made.module).state_dict())

    assert torch.equal(other.inner(images(2)), made.module(images(2)))


def test_a_state_that_was_tampered_with_is_refused(made: Made) -> None:
    """One bit is enough, and nothing is opened."""
    plan = made.state["model.onnx"].clone()
    plan[100] ^= 1

    with pytest.raises(DigestMismatchError, match="not the file that was built"):
        TRTModule().load_state_dict({**made.state, "model.onnx": plan})


def test_a_state_of_another_gpu_is_refused(made: Made) -> None:
    """The manifest says what it was built for; this machine is another."""
    manifest = json.loads(text_of(made.state[MANIFEST]))
    manifest["environment"] = {"gpu": "NVIDIA H100 80GB HBM3"}

    with pytest.raises(ForeignEngineError, match="built for gpu NVIDIA H100 80GB HBM3; here it is none"):
        TRTModule().load_state_dict({**made.state, MANIFEST: as_file(json.dumps(manifest))})


def test_a_state_that_lacks_a_file_is_refused(made: Made) -> None:
    """The sentence names it."""
    with pytest.raises(DigestMismatchError, match=r"model\.onnx belongs to the engine and cannot be read"):
        TRTModule().load_state_dict({MANIFEST: made.state[MANIFEST]})


def test_a_state_with_more_than_files_is_refused(made: Made) -> None:
    """The sentence names what is none."""
    with pytest.raises(ManifestError, match=r"'head\.weight', which is no file of an engine"):
        TRTModule().load_state_dict({**made.state, "head.weight": torch.zeros(3)})


def test_a_state_whose_manifest_names_a_file_outside_is_refused(made: Made) -> None:
    """Nothing is written there."""
    manifest = json.loads(text_of(made.state[MANIFEST]))
    manifest["files"]["../outside"] = "0"

    with pytest.raises(ManifestError, match="outside its folder"):
        TRTModule().load_state_dict({**made.state, MANIFEST: as_file(json.dumps(manifest))})


def test_a_state_of_torch2trts_own_is_refused() -> None:
    """It has an engine as a bytearray, and no manifest."""
    with pytest.raises(ManifestError, match="A state of torch2trt's own has none"):
        TRTModule().load_state_dict({"engine": bytearray(b"plan"), "input_names": ["input_0"]})


def test_a_refused_state_leaves_the_module_as_it_was(made: Made) -> None:
    """It runs on with its old engine."""
    model_trt = deepcopy(made.module)

    with pytest.raises(DigestMismatchError):
        model_trt.load_state_dict({MANIFEST: made.state[MANIFEST]})

    assert torch.equal(model_trt(images(2)), made.module(images(2)))


def test_a_folder_is_opened(made: Made) -> None:
    """By both: it is an engine's folder like any other."""
    expected = made.module(images(2))

    assert torch.equal(TRTModule(made.folder)(images(2)), expected)
    assert torch.equal(load(made.folder)(images(2)), expected)


def test_a_bare_file_is_not_opened_unasked(made: Made) -> None:
    """An engine is a program."""
    with pytest.raises(EngineError, match="Pass trust=True if you made it yourself"):
        TRTModule(made.folder / "model.onnx")


def test_a_trusted_file_is_opened(made: Made) -> None:
    """With the names of its tensors; it has a state too."""
    model_trt = TRTModule(made.folder / "model.onnx", ["input_0"], ["output_0"], trust=True)

    other = TRTModule()
    other.load_state_dict(model_trt.state_dict())
    assert torch.equal(other(images(2)), made.module(images(2)))


def test_names_that_the_engine_lacks_are_refused(made: Made) -> None:
    """The sentence names the nearest."""
    with pytest.raises(SettingsError, match="Did you mean 'input_0'"):
        TRTModule(made.folder / "model.onnx", ["input"], trust=True)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Neither a folder nor a file."""
    with pytest.raises(EngineError, match="neither a folder nor a file"):
        TRTModule(tmp_path / "nothing.engine", trust=True)


def test_an_empty_module_says_so() -> None:
    """With what to do next."""
    with pytest.raises(EngineError, match="this TRTModule is empty"):
        TRTModule()(images(2))


def test_a_module_is_not_pickled(made: Made) -> None:
    """The sentence says what to save instead."""
    with pytest.raises(SessionError, match="Save its state"):
        torch.save(made.module, "/dev/null")


def test_a_copy_runs_when_the_original_is_gone(made: Made) -> None:
    """The temporary folder lives as long as somebody needs it."""
    model_trt = TRTModule()
    model_trt.load_state_dict(made.state)

    copy = deepcopy(model_trt)
    del model_trt

    assert torch.equal(deepcopy(copy)(images(2)), made.module(images(2)))


def test_other_types_are_refused(made: Made) -> None:
    """Half precision is widened as under autocast; integers are no pictures."""
    assert made.module(images(2).half()).dtype is torch.float32

    with pytest.raises(InputMismatchError, match="int64"):
        made.module(images(2).long())


def test_it_stays_in_evaluation_mode(made: Made) -> None:
    """An engine has no other."""
    assert not made.module.train().training


def test_an_engine_for_another_machine_is_kept_and_says_so(tmp_path: Path) -> None:
    """TensorRT-RTX builds without a GPU: the engine is there, and its module says why it does not run."""
    pytest.importorskip("tensorrt_rtx")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")

    model_trt = torch2trt(
        net(),
        [images(8)],
        fp16_mode=True,
        int8_mode=True,
        int8_calib_algorithm="minmax",
        backend="tensorrt_rtx",
        dirpath=tmp_path / "int8",
    )

    assert (tmp_path / "int8" / "model.rtx").stat().st_size > 0
    assert {"int8"} <= {dtype.value for dtype in model_trt.report.counts}
    with pytest.raises(BackendNotAvailableError, match="cannot run here"):
        model_trt(images(8))
