"""What only the data and the module can show: a named error at its first sight."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from zoo import Classifier, Images
from zoo.exporting import quick
from zoo.troubles import CallsSpectral, CallsTwo, CallsWithWords, SpoiltImages

from lightning_trt import Report, export
from lightning_trt.artifacts import Verdict
from lightning_trt.errors import (
    AmbiguousBoundaryError,
    BoundaryNotFoundError,
    LightningTRTError,
    MetricNotLoggedError,
    NoSamplesError,
    NotATensorFunctionError,
    SettingsError,
    UnsupportedOperatorError,
)

if TYPE_CHECKING:
    from pathlib import Path


def refusal(root: Path, kind: type[LightningTRTError], module: Any, data: Any, **settings: Any) -> str:
    """The sentence with which an export ends; what was written by then says the same."""
    with pytest.raises(kind) as refused:
        export(module, data, **quick(**{"dirpath": root, **settings}))
    for path in root.rglob("report.json"):
        report = json.loads(path.read_text(encoding="utf-8"))
        assert report["verdict"] == "error"
        assert str(refused.value) in report["candidates"][0]["reasons"][0]
    return str(refused.value)


def test_empty_validation_data(tmp_path: Path) -> None:
    """Random data is never a substitute."""
    assert "give no batch" in refusal(tmp_path, NoSamplesError, Classifier(), Images(num_samples=0))


def test_a_metric_that_is_never_logged(tmp_path: Path) -> None:
    """With the names of what was."""
    sentence = refusal(
        tmp_path, MetricNotLoggedError, Classifier(), Images(), validation={"metrics": ("val/acb",)}, gate=None
    )

    assert "val/acb" in sentence
    assert "val/acc" in sentence


def test_sizes_of_an_axis_that_is_not_there(tmp_path: Path) -> None:
    """Said once the graph is known, before anything is built."""
    sentence = refusal(
        tmp_path, SettingsError, Classifier(), Images(), build={"tensorrt": {"axis_sizes": {"lenght": [1, 2, 3]}}}
    )

    assert "'lenght'" in sentence
    assert "Known: batch" in sentence


def test_a_part_that_is_no_function_of_tensors(tmp_path: Path) -> None:
    """What it was called with is named."""
    sentence = refusal(tmp_path, NotATensorFunctionError, CallsWithWords(), Images(), boundary="told")

    assert "told" in sentence
    assert "set" in sentence


def test_an_operator_that_cannot_be_exported(tmp_path: Path) -> None:
    """By its name, with the line that calls it."""
    sentence = refusal(tmp_path, UnsupportedOperatorError, CallsSpectral(), Images(), boundary="model")

    assert "eig" in sentence
    assert "troubles.py" in sentence


def test_a_part_that_is_not_there(tmp_path: Path) -> None:
    """With the nearest name."""
    assert "Did you mean 'model'?" in refusal(tmp_path, BoundaryNotFoundError, Classifier(), Images(), boundary="modle")


def test_several_parts_and_none_named(tmp_path: Path) -> None:
    """What was seen is listed, and what to say."""
    sentence = refusal(tmp_path, AmbiguousBoundaryError, CallsTwo(), Images())

    assert "boundary=" in sentence
    assert "head" in sentence


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report on data with a NaN in it."""
    settings = quick(precisions=("fp32", "int8"), dirpath=tmp_path_factory.mktemp("trt"), on_gate_fail="warn")
    settings["calibration"] = {"samples": 53}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return export(Classifier(), SpoiltImages(), **settings)


def test_activations_that_are_not_finite_fail_int8(spoilt: Report) -> None:
    """The tensors are named."""
    (reason,) = spoilt.candidates["int8-minmax"].reasons

    assert reason.startswith("NonFiniteActivationsError: ")
    assert "'input' (64 NaN, 0 Inf)" in reason


def test_activations_that_are_not_finite_leave_fp32(spoilt: Report) -> None:
    """It has no need of ranges."""
    assert spoilt.candidates["fp32"].verdict is Verdict.passed
    assert spoilt.candidates["fp32"].metrics["val/acc"].drop == 0
