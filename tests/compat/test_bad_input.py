"""What cannot serve: a sentence, before the long work where that can be, and nothing half-written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from compat.nets import ON_CPU, Dataset, images, net
from torch import Tensor, nn

from lightning_trt.artifacts import BATCH, Boundary, Structure, TensorSpec
from lightning_trt.compat.samples import pulled
from lightning_trt.compat.torch2trt import torch2trt
from lightning_trt.errors import (
    BackendNotAvailableError,
    DataError,
    ExportError,
    NoSamplesError,
    NotATensorFunctionError,
    SettingsError,
)
from lightning_trt.runtime.structure import flatten

if TYPE_CHECKING:
    from pathlib import Path


BOUNDARY = Boundary(
    name="",
    inputs=(TensorSpec(name="input_0", dtype="float32", shape=(BATCH, 3, 12, 12)),),
    outputs=(),
    input_structure=flatten(((1.0,), {}), is_leaf=lambda value: isinstance(value, float))[0],
    output_structure=Structure(kind="tuple"),
)


class Broken(Dataset):
    """A dataset whose samples are spoilt at one index."""

    def __init__(self, sample: Any, *, at: int = 5) -> None:
        super().__init__(images(8))
        self.sample = sample
        self.at = at

    def __getitem__(self, index: int) -> Any:
        if index != self.at:
            return super().__getitem__(index)
        if isinstance(self.sample, Exception):
            raise self.sample
        return self.sample


@pytest.mark.parametrize(
    ("sample", "sentence"),
    [
        (OSError("broken picture"), "sample 5 of the dataset cannot be read: OSError: broken picture"),
        ([images(1, size=8)], r"has the shape \(1, 3, 8, 8\) for input_0; expected \(1, 3, 12, 12\)"),
        ([images(1)[0]], r"Add the batch axis: `image\[None\]`"),
        ([images(2)], "with a batch axis of one"),
        ([images(1)] * 3, "has 3 tensors, and the module takes 1"),
        ([], "has 0 tensors"),
        ((images(1), torch.tensor([3])), "looks like a label. Return only the inputs, as a list"),
        ((images(1), 3), "Return only the inputs, as a list"),
        ([images(1).to(torch.uint8)], "is uint8 for input_0, which takes float32"),
        ({"picture": images(1)}, "does not nest as the inputs do"),
    ],
    ids=[
        "raises",
        "shape",
        "no batch axis",
        "two rows",
        "three tensors",
        "nothing",
        "label",
        "number",
        "bytes",
        "dict",
    ],
)
def test_a_sample_that_cannot_serve_is_named(sample: Any, sentence: str) -> None:
    """With its index, and what was expected."""
    with pytest.raises(DataError, match=sentence):
        list(pulled(Broken(sample), BOUNDARY, batch_size=4))


def test_nothing_is_written_where_a_sample_cannot_serve(tmp_path: Path) -> None:
    """Neither an engine nor a part of one."""
    with pytest.raises(DataError, match="sample 5 of the dataset cannot be read: OSError: gone"):
        torch2trt(
            nn.Flatten().eval(),
            [images(1)],
            int8_mode=True,
            int8_calib_dataset=Broken(OSError("gone")),
            dirpath=tmp_path / "engine",
            **ON_CPU,
        )

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["inputs", "int8_calib_dataset"])
def test_an_empty_dataset_is_refused(where: str) -> None:
    """Wherever it is given."""
    empty = Dataset(images(0))
    given = {"inputs": [images(1)], "int8_mode": True, where: empty}

    with pytest.raises(NoSamplesError, match="length 0"):
        torch2trt(nn.Flatten().eval(), given.pop("inputs"), **given, **ON_CPU)


def test_samples_of_several_kinds_are_refused() -> None:
    """Shapes are taken from them: they must be alike."""

    class Mixed(Dataset):
        def __getitem__(self, index: int) -> list[Tensor]:
            return [images(1)] * (1 + index % 2)

    with pytest.raises(DataError, match="other numbers of tensors"):
        torch2trt(net(), Mixed(images(4)), **ON_CPU)


def test_a_module_elsewhere_than_its_inputs_is_refused() -> None:
    """As a module on the GPU and data on the processor are; here on the meta device, which every machine has."""
    with pytest.raises(DataError, match=r"the module lies on meta, tensor 0 of the inputs on cpu.*\.to\('meta'\)"):
        torch2trt(net().to("meta"), [images(1)], **ON_CPU)


def test_a_module_that_fails_on_its_inputs_is_refused() -> None:
    """With the module's own words, and what it was called with."""
    with pytest.raises(DataError, match=r"the module itself fails on inputs of float32 \(1, 4\)"):
        torch2trt(net(), [torch.zeros(1, 4)], **ON_CPU)


def test_a_float_module_on_half_data_is_refused() -> None:
    """Both must be of one type, as torch wants it."""
    with pytest.raises(DataError, match="in its data type"):
        torch2trt(net(), [images(1).half()], **ON_CPU)


def test_a_module_that_decides_on_its_data_is_refused(tmp_path: Path) -> None:
    """A trace would hold one branch and be wrong on the other."""

    class Decides(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(ExportError, match="decides on the values of its tensors"):
        torch2trt(Decides().eval(), [images(1)], dirpath=tmp_path / "engine", **ON_CPU)

    assert list(tmp_path.iterdir()) == []


def test_inputs_without_a_tensor_are_refused() -> None:
    """An empty list is no call."""
    with pytest.raises(DataError, match="the inputs hold no tensor"):
        torch2trt(net(), [], **ON_CPU)


def test_inputs_that_are_no_tensors_are_refused() -> None:
    """The sentence names the place and the type."""
    with pytest.raises(NotATensorFunctionError, match="numpy"):
        torch2trt(net(), [images(1).numpy()], **ON_CPU)


def test_an_unknown_backend_is_refused() -> None:
    """The sentence names the nearest."""
    with pytest.raises(SettingsError, match="Did you mean 'onnxruntime'"):
        torch2trt(net(), [images(1)], backend="onnxrutime")


def test_a_backend_that_is_not_here_is_refused() -> None:
    """With what to install."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here: TensorRT may work")

    with pytest.raises(BackendNotAvailableError, match="pip install"):
        torch2trt(net(), [images(1)], backend="tensorrt")
