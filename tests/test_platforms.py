"""The support matrix, and the check that reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightning_trt.errors import SettingsError
from lightning_trt.platforms import PLATFORMS, SOURCES, find, gives, parts_of, why_not
from lightning_trt.precision import Precision
from lightning_trt.renderers import platforms

PAGE = Path(__file__).parents[1] / "docs" / "platforms.md"


@pytest.mark.parametrize(
    ("name", "fp16", "int8", "fp8"),
    [
        ("Jetson Nano", True, False, False),
        ("Jetson TX2", True, False, False),
        ("Jetson Xavier NX", True, True, False),
        ("Jetson AGX Xavier", True, True, False),
        ("Jetson AGX Orin", True, True, False),
        ("Jetson Thor", True, True, True),
        ("Tesla T4", True, True, False),
        ("NVIDIA A100-SXM4-80GB A100", True, True, False),
        ("NVIDIA GeForce RTX 4090", True, True, True),
        ("NVIDIA H100 80GB HBM3", True, True, True),
        ("NVIDIA GeForce RTX 5090", True, True, True),
    ],
)
def test_devices_have_these_precisions(name: str, *, fp16: bool, int8: bool, fp8: bool) -> None:
    """As the vendor's support matrices say it."""
    precisions = find(name).precisions

    has = tuple(each in precisions for each in (Precision.fp16, Precision.int8, Precision.fp8))
    assert has == (fp16, int8, fp8)


def test_int8_on_a_tx2_is_refused_with_its_row() -> None:
    """The reason is the row, and the row says until when TensorRT ran there."""
    reason = why_not(Precision.int8, device="Jetson TX2")

    assert reason is not None
    assert reason.startswith("int8 cannot be had on Jetson TX2: Jetson TX2, compute capability 6.2: fp32, fp16; last")
    assert "8.2.1" in reason


def test_what_the_device_has_is_no_refusal() -> None:
    """None, as backends say it."""
    assert why_not(Precision.int8, device="Jetson Xavier NX") is None


def test_a_capability_that_is_not_listed_has_what_the_next_lower_one_has() -> None:
    """Devices gain arithmetic; a new one has no less than those before it."""
    assert gives("13.1") == gives("12.1")


def test_of_devices_with_one_capability_the_one_that_is_named_is_the_reason() -> None:
    """Three modules have 8.7, and another last TensorRT each."""
    reason = why_not(Precision.fp8, device="Jetson AGX Orin", compute_capability="8.7")

    assert "Jetson AGX Orin, compute capability 8.7" in (reason or "")


def test_a_longer_name_is_no_shorter_one() -> None:
    """A Jetson Orin Nano is no Jetson Nano."""
    assert find("NVIDIA Jetson Orin Nano Developer Kit").compute_capability == "8.7"


def test_an_unknown_device_is_refused() -> None:
    """The sentence names the nearest."""
    with pytest.raises(SettingsError, match="Did you mean 'Jetson TX2'"):
        find("Jetson TX3")


def test_rows_stand_by_capability() -> None:
    """The page is read from the oldest to the newest, and the lookup relies on it."""
    capabilities = [parts_of(each.compute_capability) for each in PLATFORMS]

    assert capabilities == sorted(capabilities)


def test_every_row_has_a_source() -> None:
    """A word with an address behind it."""
    assert all(each.sources and set(each.sources) <= set(SOURCES) for each in PLATFORMS)


def test_the_page_is_what_the_command_writes() -> None:
    """Generated, so that it cannot drift from what the check reads."""
    assert PAGE.read_text(encoding="utf-8") == platforms.markdown()
