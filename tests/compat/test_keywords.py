"""The keywords of `torch2trt()`: what is taken, what is said, and what is refused before anything is done."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import onnx
import pytest
from compat.nets import ON_CPU, Dataset, images, net

from lightning_trt import backends
from lightning_trt.compat.algorithms import CalibrationAlgoType, algorithm_of
from lightning_trt.compat.calibration import settings_for
from lightning_trt.compat.keywords import Keywords, keywords_of
from lightning_trt.compat.profiles import profile_of
from lightning_trt.compat.torch2trt import torch2trt
from lightning_trt.errors import SettingsError, UnsupportedPrecisionError
from lightning_trt.settings import CalibratorName, NativeCalibrator

if TYPE_CHECKING:
    from pathlib import Path


class OfTensorRT(Enum):
    """An enum that is not ours, as TensorRT's bindings have one."""

    MINMAX_CALIBRATION = 3
    DLA = 1
    GPU = 0


@pytest.mark.parametrize(
    ("given", "ours", "native"),
    [
        (None, "entropy2", "entropy2"),
        (OfTensorRT.MINMAX_CALIBRATION, "minmax", "minmax"),
        ("ENTROPY_CALIBRATION", "entropy", "entropy"),
        ("legacy_calibration", "legacy", "legacy"),
        (CalibrationAlgoType.ENTROPY_CALIBRATION_2, "entropy2", "entropy2"),
        ("minmax", "minmax", None),
        ("percentile", "percentile", None),
        (CalibratorName.mse, "mse", None),
    ],
    ids=str,
)
def test_algorithms_have_these_names(given: object, ours: str, native: str | None) -> None:
    """TensorRT's names ask for its own calibrator, ours for ours."""
    algorithm = algorithm_of(given)

    assert algorithm.calibrator is CalibratorName[ours]
    assert algorithm.native is (None if native is None else NativeCalibrator[native])


def test_an_unknown_algorithm_is_refused() -> None:
    """The sentence names the nearest."""
    with pytest.raises(SettingsError, match="Did you mean 'MINMAX_CALIBRATION'"):
        Keywords(int8_calib_algorithm="MINMAX_CALIBRATON")


def test_the_misspelling_of_the_page_names_the_right_keyword() -> None:
    """torch2trt takes it in silence, and calibrates with its default."""
    with pytest.raises(SettingsError, match=r"'int8_calib_algoirthm'. Did you mean 'int8_calib_algorithm'"):
        keywords_of({}, {"int8_calib_algoirthm": "minmax"})


def test_the_other_name_of_the_dataset_is_taken() -> None:
    """The page calls it both."""
    dataset = Dataset(images(2))

    with pytest.warns(UserWarning, match="int8_calib_dataset"):
        keywords = keywords_of({"int8_mode": True}, {"int8_calibration_dataset": dataset})

    assert keywords.int8_calib_dataset is dataset


def test_a_dataset_switches_int8_on_with_one_warning() -> None:
    """So it stands in the page, where torch2trt ignores the dataset."""
    with pytest.warns(UserWarning, match="int8 is switched on") as said:
        keywords = keywords_of({"int8_calib_dataset": Dataset(images(2))}, {})

    assert keywords.is_quantized
    assert len(said) == 1


def test_a_dataset_and_no_int8_contradict_each_other() -> None:
    """`int8_mode=False` was written out."""
    with pytest.raises(SettingsError, match="Leave out one of the two"):
        Keywords(int8_mode=False, int8_calib_dataset=Dataset(images(2)))


@pytest.mark.parametrize(
    "given",
    [
        {"int8_calib_algorithm": "minmax"},
        {"int8_calib_batch_size": 8},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_has_no_effect_is_said(given: dict[str, object]) -> None:
    """Once, with the reason; never nothing."""
    with pytest.warns(UserWarning, match=f"{next(iter(given))}.* has no effect: ") as said:
        keywords_of(given, {})

    assert len(said) == 1


def test_another_way_than_onnx_is_refused() -> None:
    """There is none."""
    with pytest.raises(SettingsError, match="use_onnx=False cannot be had"):
        Keywords(use_onnx=False)


def test_the_network_is_kept_in_no_memory_either_way() -> None:
    """So that nothing is to be said of it."""
    assert not keywords_of({"keep_network": False}, {}).keep_network


@pytest.mark.parametrize(
    "given", [{"max_workspace_size": 1 << 25}, {"avg_timing_iterations": 4}, {"log_level": "INFO"}], ids=str
)
def test_what_is_tensorrts_own_is_refused_elsewhere(given: dict[str, Any]) -> None:
    """Before any work; onnxruntime has nothing like it."""
    with pytest.raises(SettingsError, match=f"{next(iter(given))} is for TensorRT's builder, and onnxruntime has"):
        torch2trt(net(), [images(1)], **given, **ON_CPU)


def test_strict_fp16_is_refused_where_it_is_computed_in_fp32() -> None:
    """Asked for and not given is no engine."""
    with pytest.raises(UnsupportedPrecisionError, match="compute fp16 in fp32"):
        torch2trt(net(), [images(1)], fp16_mode=True, strict_type_constraints=True, **ON_CPU)


def test_what_is_tensorrts_own_reaches_its_settings() -> None:
    """Each under the name that it has there."""
    keywords = Keywords(max_workspace_size=1 << 25, avg_timing_iterations=4, strict_type_constraints=True)

    settings = settings_for(keywords, backends.find("onnxruntime"), profile_of(((1, 3),), keywords)).build.tensorrt

    assert (settings.workspace_mb, settings.timing_iterations, settings.strict_types) == (32, 4, True)


def test_an_opset_is_taken(tmp_path: Path) -> None:
    """The graph that is built is written in it."""
    torch2trt(net(), [images(1)], onnx_opset=20, dirpath=tmp_path / "engine", **ON_CPU)

    assert onnx.load(str(tmp_path / "engine" / "model.onnx")).opset_import[0].version == 20


@pytest.mark.parametrize("opset", [11, 99], ids=["too old", "unknown"])
def test_an_opset_that_cannot_be_had_is_refused(opset: int, tmp_path: Path) -> None:
    """With what it can be, and before anything is calibrated or written."""
    dataset = Dataset(images(2))
    given = {"onnx_opset": opset, "int8_mode": True, "int8_calib_dataset": dataset, "dirpath": tmp_path / "engine"}

    with pytest.raises(SettingsError, match=f"onnx_opset={opset} cannot be had: for this backend it is 18 or later"):
        torch2trt(net(), [images(1)], **given, **ON_CPU)

    assert dataset.asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [{"dla_core": 1}, {"gpu_fallback": False}], ids=str)
def test_what_is_told_to_a_dla_is_refused(given: dict[str, Any]) -> None:
    """There is none to be told."""
    with pytest.raises(UnsupportedPrecisionError, match="layers were asked for on a DLA"):
        Keywords(**given)


@pytest.mark.parametrize("given", ["dla", "DLA", OfTensorRT.DLA], ids=str)
def test_a_dla_is_refused(given: object) -> None:
    """As it was asked for: by name, or by TensorRT's enum."""
    with pytest.raises(UnsupportedPrecisionError, match="Only Jetson Xavier, Orin NX and AGX Orin have DLAs"):
        Keywords(default_device_type=given)


def test_a_dla_for_one_submodule_is_refused_too() -> None:
    """It would run elsewhere than asked."""
    with pytest.raises(UnsupportedPrecisionError, match="DLA"):
        Keywords(device_types={"encoder": "dla"})


def test_the_gpu_by_tensorrts_name_is_taken() -> None:
    """It is where every layer runs."""
    assert Keywords(default_device_type=OfTensorRT.GPU).default_device_type is OfTensorRT.GPU


def test_workspace_is_rounded_up() -> None:
    """torch2trt counts bytes, the settings MiB."""
    assert Keywords(max_workspace_size=(1 << 25) + 1).workspace_mb == 33


@pytest.mark.parametrize("size", [0, -1, 1.5, "8"], ids=str)
def test_a_batch_size_that_is_none_is_refused(size: object) -> None:
    """Before any work."""
    with pytest.raises(SettingsError, match="int8_calib_batch_size"):
        Keywords(int8_calib_batch_size=size)


def test_an_unknown_severity_is_refused() -> None:
    """The sentence names the nearest."""
    with pytest.raises(SettingsError, match="Did you mean 'WARNING'"):
        Keywords(log_level="WARNNG")
