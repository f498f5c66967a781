"""The keywords of `torch2trt()`: what is taken, what is said, and what is refused before anything is done."""

from __future__ import annotations

from enum import Enum

import pytest
from compat.nets import Dataset, images

from lightning_trt.compat.algorithms import CalibrationAlgoType, algorithm_of
from lightning_trt.compat.keywords import Keywords, keywords_of
from lightning_trt.errors import SettingsError, UnsupportedPrecisionError
from lightning_trt.settings import CalibratorName, NativeCalibrator


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
        {"use_onnx": False},
        {"onnx_opset": 11},
        {"keep_network": False},
        {"dla_core": 1},
        {"gpu_fallback": False},
        {"int8_calib_algorithm": "minmax"},
        {"int8_calib_batch_size": 8},
        {"max_workspace_size": 1 << 25, "backend": "onnxruntime"},
        {"avg_timing_iterations": 4},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_has_no_effect_is_said(given: dict[str, object]) -> None:
    """Once, with the reason; never nothing."""
    with pytest.warns(UserWarning, match=f"{next(iter(given))}.* has no effect: ") as said:
        keywords_of(given, {})

    assert len(said) == 1


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
