"""The command's configs: each file and each combination composes to settings, or is refused with a sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hydra.errors import HydraException
from zoo.composing import CONF, composed, files_of, settings_from

from lightning_trt.errors import LightningTRTError, SettingsError
from lightning_trt.pipeline import planned
from lightning_trt.precision import Precision
from lightning_trt.settings import CalibratorName, ExportSettings, GateSettings, OnInconclusive

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir() and list(path.glob("*.yaml")))
OTHER = {"callbacks", "experiment", "precision", "calibrator", "launcher", "search"}
SINGLE = [group for group in GROUPS if group not in OTHER]
PRECISIONS = [each.name for each in Precision]
CALIBRATORS = [each.name for each in CalibratorName]
FILES = sorted(CONF.rglob("*.yaml"))


def test_without_an_override_the_settings_have_their_defaults() -> None:
    """The files cannot drift from the dataclasses."""
    assert settings_from() == ExportSettings()


@pytest.mark.parametrize("number", range(max(len(files_of(group)) for group in SINGLE)))
def test_choices_go_together(number: int) -> None:
    """Every file is composed, with files of the other groups."""
    chosen = [f"{group}={files_of(group)[number % len(files_of(group))]}" for group in SINGLE]

    assert isinstance(settings_from(*chosen), ExportSettings)


@pytest.mark.parametrize("name", files_of("experiment"))
def test_each_experiment_changes_the_settings(name: str) -> None:
    """A choice of choices."""
    assert settings_from(f"experiment={name}") != ExportSettings()


def test_there_is_a_file_for_each_precision_and_calibrator() -> None:
    """None that exists in code alone."""
    assert (files_of("precision"), files_of("calibrator")) == (sorted(PRECISIONS), sorted(CALIBRATORS))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "fp8"])
def test_a_precision_and_its_calibrators_are_what_they_say(precision: str) -> None:
    """Of each pair that makes sense the candidate of that name."""
    settings = settings_from(f"precision={precision}", f"calibrator=[{','.join(CALIBRATORS)}]", "backend=onnxruntime")

    names = [each.name for each in planned(settings).candidates]

    is_quantized = Precision[precision].is_quantized
    assert names == ([f"{precision}-{each}" for each in CALIBRATORS] if is_quantized else [precision])


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_a_precision_that_the_backend_has_not_is_refused(precision: str) -> None:
    """With the backend's sentence why, and what it has."""
    settings = settings_from(f"precision={precision}", "backend=onnxruntime")

    with pytest.raises(LightningTRTError, match=rf"{precision}: .+\. The backend onnxruntime gives here: fp32, fp16"):
        planned(settings)


def test_two_precisions_are_two_candidates() -> None:
    """Each file adds a key, so that none overwrites the other's."""
    assert settings_from("precision=[fp16,int8]").precisions == (Precision.fp16, Precision.int8)


def test_a_precision_can_be_taken_out_again() -> None:
    """By its key."""
    assert settings_from("precisions.fp32=false").precisions == (Precision.fp16, Precision.int8)


def test_an_override_of_a_group_wins_over_an_experiment() -> None:
    """An experiment is a choice of choices, not the last word."""
    settings = settings_from("experiment=calibrators", "calibrator=mse")

    assert (settings.precisions, settings.calibrators) == ((Precision.int8,), (CalibratorName.mse,))


def test_a_value_of_a_choice_can_be_changed() -> None:
    """A group and the keys in it go together."""
    settings = settings_from("gate=strict", "gate.alpha=0.05")

    assert settings.gate == GateSettings(max_drop_relative=0.005, on_inconclusive=OnInconclusive.fail, alpha=0.05)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        pytest.param("precision=int9", "Could not find 'precision/int9'.*bf16", id="no such precision"),
        pytest.param(
            "calibrators.mse=false",
            "need a calibrator, and calibrators is empty",
            id="int8 without a calibrator",
        ),
        pytest.param("precisions.int8=maybe", "int8 .* is 'maybe'; it must be true, or false", id="no yes or no"),
        pytest.param("+precisions.int9=true", "'int9' is not a precision. Did you mean 'int8'", id="key"),
        pytest.param("calibrations=quick", "Could not override 'calibrations'", id="no such group"),
        pytest.param("calibration.sampels=3", "Key 'sampels' not in 'CalibrationSettings'", id="typo"),
        pytest.param("calibration.samples=many", "'many' .* could not be converted to Integer", id="type"),
        pytest.param("calibration.quantized_by=[pears]", r"expected one of \[pairs, cache, native\]", id="choice"),
        pytest.param("gate.rules=[{metrix: val/acc}]", "Key 'metrix' not in 'Rule'", id="typo in a rule"),
        pytest.param("gate.rules=[{metric: val/acc}]", "a gate rule has no limit", id="rule without a limit"),
        pytest.param("gate.on_inconclusive=maybe", "'maybe' is not a choice of on_inconclusive", id="word"),
        pytest.param("on_error=raise", "Key 'on_error' not in 'ExportSettings'", id="of a fit alone"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(override: str, sentence: str) -> None:
    """Hydra's own, with our field names, or ours."""
    with pytest.raises((HydraException, SettingsError)) as caught:
        settings_from(override)

    assert re.search(sentence, f"{caught.value}\n{caught.value.__cause__}", flags=re.DOTALL)


@pytest.mark.parametrize("choice", ["cache", "native"])
def test_what_only_tensorrt_can_is_refused_elsewhere(choice: str) -> None:
    """Before any work."""
    settings = settings_from(f"calibration={choice}", "backend=onnxruntime")

    with pytest.raises(LightningTRTError, match=f"int8 by {choice}: the backend onnxruntime reads Q/DQ pairs alone"):
        planned(settings)


def test_no_group_is_called_like_a_scalar_key() -> None:
    """`precision=int8` would be two things at once."""
    config = composed()

    assert {name for name in GROUPS if name in config and not hasattr(config[name], "keys")} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CONF).as_posix())
def test_every_key_is_explained(path: Path) -> None:
    """A comment at the end of each line that sets something, the target aside."""
    said = re.sub(r"^defaults:\n(?:  - .*\n)+", "", path.read_text(), flags=re.MULTILINE)
    ends = re.findall(r"^\s*(?!_target_)\w+:.*$", said, flags=re.MULTILINE)

    assert [line for line in ends if " # " not in line and not is_opening(line)] == []


def is_opening(line: str) -> bool:
    """Whether the line only opens a mapping, whose keys are explained one by one."""
    return line.endswith(":")
