"""Settings of the TensorRT builders check themselves, and omegaconf knows their types."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from lightning_trt.errors import SettingsError
from lightning_trt.settings import BuildSettings, TensorRTSettings, settings_of


def test_axis_sizes_must_rise() -> None:
    """A largest size below the typical one is refused, with the axis's name."""
    with pytest.raises(SettingsError, match=r"axis_sizes\['tokens'\] is \[1, 64, 8\]"):
        TensorRTSettings(axis_sizes={"tokens": [1, 64, 8]})


def test_profiles_must_rise() -> None:
    """Which of them is wrong is said."""
    with pytest.raises(SettingsError, match=r"profiles\[1\]\['batch'\] is \[8, 4, 64\]; it must be three sizes"):
        TensorRTSettings(profiles=({"batch": [1, 1, 1]}, {"batch": [8, 4, 64]}))


def test_a_time_limit_needs_a_process_of_its_own() -> None:
    """A limit alone is enough to ask for it."""
    assert BuildSettings(time_limit_seconds=60).needs_child
    assert not BuildSettings().needs_child


def test_a_time_limit_is_above_zero() -> None:
    """None is no limit."""
    with pytest.raises(SettingsError, match="time_limit_seconds is 0; it must be a number above 0"):
        BuildSettings(time_limit_seconds=0)


def test_level_is_from_0_to_5() -> None:
    """TensorRT knows six levels."""
    with pytest.raises(SettingsError, match="level is 6"):
        TensorRTSettings(level=6)


def test_typical_batch_is_never_above_the_largest() -> None:
    """A small `max_batch` alone is enough."""
    assert TensorRTSettings(max_batch=8).typical_batch == 8


def test_build_settings_take_them_as_a_mapping() -> None:
    """The nested form that Hydra and the callback give."""
    settings = settings_of(BuildSettings, {"tensorrt": {"level": 2, "axis_sizes": {"tokens": [1, 64, 512]}}})

    assert settings.tensorrt == TensorRTSettings(level=2, axis_sizes={"tokens": [1, 64, 512]})


def test_omegaconf_knows_their_types() -> None:
    """The Hydra schema can be made of them."""
    assert OmegaConf.structured(TensorRTSettings).typical_batch == 32
