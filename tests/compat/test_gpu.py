"""torch2trt's interface on TensorRT 8 to 10, whose own calibrators run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from compat.nets import Batches, Dataset, images, net
from torch import nn

from lightning_trt import backends
from lightning_trt.compat.torch2trt import TRTModule, torch2trt
from lightning_trt.errors import BackendNotAvailableError, DataError
from lightning_trt.precision import DType
from lightning_trt.protocols import NativeCalibration


def _why_not() -> str:
    try:
        backend = backends.find("tensorrt")
    except BackendNotAvailableError as error:
        return str(error)
    return (backend.why_no_cache() if isinstance(backend, NativeCalibration) else None) or ""


WHY_NOT = _why_not()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]
ON_GPU: dict[str, Any] = {"backend": "tensorrt"}


SIDE = 64


def wide() -> nn.Module:
    """A net on the GPU, wide enough for kernels of int8 and fp16 to be the fastest."""
    return net(width=128).cuda()


def rows(count: int) -> torch.Tensor:
    """Pictures on the GPU."""
    return images(count, size=SIDE).cuda()


@pytest.mark.parametrize("size", [1, 32])
@pytest.mark.parametrize("name", ["MINMAX_", "ENTROPY_", "ENTROPY_2", "LEGACY_"])
def test_tensorrts_own_algorithm_runs(name: str, size: int) -> None:
    """By its enum, with the batch size that was asked for, and layers compute in int8."""
    tensorrt = pytest.importorskip("tensorrt")
    member = "ENTROPY_CALIBRATION_2" if name == "ENTROPY_2" else f"{name}CALIBRATION"
    dataset = Batches(images(70, size=SIDE))

    model_trt = torch2trt(
        wide(),
        [rows(4)],
        int8_mode=True,
        fp16_mode=True,
        int8_calib_dataset=dataset,
        int8_calib_algorithm=getattr(tensorrt.CalibrationAlgoType, member),
        int8_calib_batch_size=size,
        **ON_GPU,
    )

    assert dataset.sizes[0] == size
    assert model_trt.report.calibrator.endswith(f"of TensorRT {tensorrt.__version__}")
    assert model_trt.report.calibration_batches == 70 // size
    assert model_trt.report.counts.get(DType.int8, 0) > 0


def test_the_rows_of_the_inputs_calibrate() -> None:
    """64 samples of the data, by TensorRT's default algorithm."""
    report = torch2trt(wide(), [rows(64)], int8_mode=True, **ON_GPU).report

    assert (report.calibrator.partition(",")[0], report.calibration_samples) == ("entropy2", 64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("int8", [False, True], ids=["fp16", "int8"])
def test_bindings_follow_the_module(dtype: torch.dtype, *, int8: bool) -> None:
    """Whatever the precision inside."""
    data = rows(8).to(dtype)

    model_trt = torch2trt(wide().to(dtype), [data], fp16_mode=True, int8_mode=int8, **ON_GPU)

    result = model_trt(data)
    assert (result.dtype, result.device.type) == (dtype, "cuda")
    assert {spec.dtype for spec in model_trt.engine.boundary.inputs} == {str(dtype).removeprefix("torch.")}
    assert torch.allclose(result.float(), wide()(rows(8)), atol=0.1)


def test_layers_are_told() -> None:
    """One by one, by TensorRT's inspector; where the builder chose no fp16, a note says so."""
    report = torch2trt(wide(), [rows(4)], fp16_mode=True, **ON_GPU).report

    assert len(report.layers) >= 3
    assert all(name for name, _ in report.layers)
    assert report.counts.get(DType.fp16, 0) or any("computes in fp16" in note for note in report.notes)


def test_a_failure_of_the_dataset_is_raised() -> None:
    """TensorRT's binding swallows it, and would go on with the samples it had."""

    class Broken(Dataset):
        def __getitem__(self, index: int) -> Any:
            if index == 5:
                raise OSError("broken picture")
            return super().__getitem__(index)

    with pytest.raises(DataError, match="sample 5 of the dataset cannot be read"):
        torch2trt(wide(), [rows(1)], int8_mode=True, int8_calib_dataset=Broken(images(8, size=SIDE)), **ON_GPU)


def test_a_batch_size_beyond_the_samples_is_cut() -> None:
    """And said; TensorRT takes whole batches alone."""
    with pytest.warns(UserWarning, match="is cut to 4: there are 4 samples"):
        report = torch2trt(wide(), [rows(4)], int8_mode=True, int8_calib_batch_size=32, **ON_GPU).report

    assert (report.calibration_batches, report.calibration_batch_size) == (1, 4)


def test_a_state_goes_to_another_module() -> None:
    """The same plan gives the same bits."""
    model_trt = torch2trt(wide(), [rows(4)], fp16_mode=True, **ON_GPU)

    other = TRTModule()
    other.load_state_dict(model_trt.state_dict())

    assert torch.equal(other(rows(4)), model_trt(rows(4)))


def test_data_elsewhere_than_the_module_is_refused() -> None:
    """The classic: the module is on the GPU, its inputs are not."""
    with pytest.raises(DataError, match=r"the module lies on cuda:0, tensor 0 of the inputs on cpu"):
        torch2trt(wide(), [images(1)], **ON_GPU)


def test_strict_types_are_obeyed() -> None:
    """Before version 10 the builder is bound to fp16 in convolutions and products; later the graph says it."""
    report = torch2trt(wide(), [rows(1)], fp16_mode=True, strict_type_constraints=True, **ON_GPU).report

    assert report.counts.get(DType.fp16, 0) >= 3


def test_timing_iterations_and_the_opset_are_taken() -> None:
    """TensorRT before 10 reads opset 17, and takes the times that it is told to."""
    model_trt = torch2trt(wide(), [rows(1)], onnx_opset=17, avg_timing_iterations=4, **ON_GPU)

    assert model_trt.engine.recipe.settings["tensorrt"]["timing_iterations"] == 4
