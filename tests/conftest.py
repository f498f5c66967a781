"""What all tests share."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from lightning_trt.storage import CACHE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

# A busy machine is no failure of a law.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def _no_cache() -> Iterator[None]:
    """Tests compute what they test; those of the cache make one of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, "off")
        yield


@pytest.fixture
def boxes_convert(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one function that MeanAveragePrecision takes of torchvision, no release of which fits torch's CPU builds."""

    def box_convert(boxes: Tensor, *, in_fmt: str, out_fmt: str) -> Tensor:
        assert (in_fmt, out_fmt) == ("xyxy", "xywh")
        converted = boxes.clone()
        converted[:, 2:] -= boxes[:, :2]
        return converted

    import torchmetrics.detection  # noqa: F401, PLC0415 - it looks for a real one

    package, ops = ModuleType("torchvision"), ModuleType("torchvision.ops")
    ops.box_convert = box_convert  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.ops", ops)
    monkeypatch.setattr("torchmetrics.detection.mean_ap._TORCHVISION_AVAILABLE", True)
