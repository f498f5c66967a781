"""Why there is no GPU; the driver is stood in for, because no machine has all three troubles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lightning_trt.backends import driver
from lightning_trt.backends.driver import cuda_of_driver, no_gpu
from lightning_trt.errors import BackendNotAvailableError, DriverTooOldError


def with_driver(monkeypatch: pytest.MonkeyPatch, number: int | None, *, built_for: str | None = "13.0") -> None:
    """A driver that knows CUDA up to `number`, or none; torch was built for `built_for`."""

    def version(place: Any) -> int:
        place._obj.value = number
        return 0

    def library(_name: str) -> Any:
        if number is None:
            raise OSError("libcuda.so.1: cannot open shared object file")
        return SimpleNamespace(cuDriverGetVersion=version)

    monkeypatch.setattr(driver, "CDLL", library)
    monkeypatch.setattr(torch.version, "cuda", built_for)


def test_the_drivers_number_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the driver's API spells it."""
    with_driver(monkeypatch, 12040)

    assert cuda_of_driver() == (12, 4)


def test_a_driver_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With both versions, and what to update."""
    with_driver(monkeypatch, 12040)

    error = no_gpu("tensorrt 10.16")

    assert isinstance(error, DriverTooOldError)
    assert "knows CUDA up to 12.4, and this torch was built for 13.0. Update the driver" in str(error)


@pytest.mark.parametrize(
    ("number", "built_for", "said"),
    [
        (None, "13.0", "no NVIDIA driver is installed"),
        (13000, None, "built without CUDA. Install one for CUDA 13.0"),
        (13000, "13.1", "shows torch none. See what `nvidia-smi` and CUDA_VISIBLE_DEVICES say"),
    ],
    ids=["no driver", "torch without CUDA", "no device"],
)
def test_other_reasons_are_told(
    number: int | None, built_for: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its cure."""
    with_driver(monkeypatch, number, built_for=built_for)

    error = no_gpu("tensorrt 10.16")

    assert type(error) is BackendNotAvailableError
    assert said in str(error)
