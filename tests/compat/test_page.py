"""Every snippet of torch2trt's page, and of ours beside it, runs as the guide has it."""

from __future__ import annotations

import warnings
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image
from torch import nn

from benchmarks.torch2trt_page import blocks, run
from lightning_trt import TRTExportCallback
from lightning_trt.precision import DType

if TYPE_CHECKING:
    from compat.conftest import Trained

    from lightning_trt.compat.torch2trt import TRTModule


@pytest.fixture(scope="module")
def steps(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the names stand for after each block, by its kind, last line and number; all of them run in one story."""
    folder = tmp_path_factory.mktemp("page")
    for number, picture in enumerate(trained.seen[:24]):
        path = folder / "images" / str(number % 4) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((picture * 255).byte().permute(1, 2, 0).numpy()).save(path)
    # The net was trained on pictures of 28x28; the page has larger ones.
    model = nn.Sequential(nn.AdaptiveAvgPool2d(28), deepcopy(trained.model)).eval()
    names: dict[str, Any] = {"torch": torch, "model": model, "data": large(trained)}
    after: dict[str, dict[str, Any]] = {}
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.chdir(folder)
        warnings.filterwarnings("ignore", message=".*int8 is switched on|.*finds the ranges")
        for number, (kind, text) in enumerate(blocks()):
            if "torchvision" in text:
                continue  # the guide has the same without it
            run(text, names, on_gpu=False)
            # With its number, because the page has the same line for the float and for the half module.
            after[f"{kind}: {text.strip().splitlines()[-1]}  # {number}"] = dict(names)
    return after


def large(trained: Trained) -> torch.Tensor:
    """Pictures of the size that the page has."""
    return torch.nn.functional.interpolate(trained.seen[:4], size=224)


def engines(steps: dict[str, dict[str, Any]]) -> dict[str, TRTModule]:
    """The engine after each block of the page, by its last line."""
    made = {line: names["model_trt"] for line, names in steps.items() if "model_trt" in names}
    return {line: module for line, module in made.items() if module.report is not None}


def one(steps: dict[str, dict[str, Any]], word: str) -> TRTModule:
    """The engine of the first block of the page with that word in its last line."""
    return next(model for line, model in engines(steps).items() if word in line and line.startswith("page"))


def test_every_block_runs(steps: dict[str, dict[str, Any]]) -> None:
    """All of the page's, but for the one that needs torchvision, and all of ours."""
    assert len(steps) + 1 == len(blocks())
    assert len(blocks()) >= 18


def test_fp16_mode(steps: dict[str, dict[str, Any]]) -> None:
    """The first call of the page."""
    assert one(steps, "fp16_mode=True").report.allowed == "fp16"


def test_input_data_calibration(steps: dict[str, dict[str, Any]]) -> None:
    """On the 64 rows of the data."""
    assert one(steps, "[data], int8_mode=True)").report.calibration_samples == 64


def test_dataset_calibration(steps: dict[str, dict[str, Any]]) -> None:
    """On the 24 pictures of the folder."""
    assert one(steps, "int8_calib_dataset=dataset").report.calibration_samples == 24


def test_calibration_algorithm(steps: dict[str, dict[str, Any]]) -> None:
    """The one that the page names."""
    minmax = [each for each in engines(steps).values() if (each.report.calibrator or "").startswith("minmax")]

    assert minmax


def test_calibration_batch_size(steps: dict[str, dict[str, Any]]) -> None:
    """64 rows in batches of 32."""
    report = one(steps, "int8_calib_batch_size=32").report

    assert (report.calibration_batches, report.calibration_batch_size) == (2, 32)


def test_binding_types(steps: dict[str, dict[str, Any]]) -> None:
    """float32 for the float module, float16 for the half one."""
    both = [names for line, names in steps.items() if line.startswith("page") and "fp16_mode" in line][-2:]

    assert [each["model_trt"](each["data"]).dtype for each in both] == [torch.float32, torch.float16]


def test_a_state_is_saved_and_loaded(steps: dict[str, dict[str, Any]]) -> None:
    """The module that was loaded runs."""
    names = next(names for line, names in steps.items() if "load_state_dict" in line)

    assert names["model_trt"](names["data"]).shape == (64, 10)


def test_a_part_is_recorded(steps: dict[str, dict[str, Any]]) -> None:
    """And calibrated on what was recorded."""
    names = next(names for line, names in steps.items() if "recorded, int8_mode" in line)

    assert names["model_trt"].report.calibration_samples == 64
    assert names["model_trt"].report.counts[DType.int8] == 3


def test_ours_beside_it_is_a_callback(steps: dict[str, dict[str, Any]]) -> None:
    """Its settings are taken."""
    assert any(isinstance(names.get("callback"), TRTExportCallback) for names in steps.values())
