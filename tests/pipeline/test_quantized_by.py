"""Candidates by what tells the backend how to quantize."""

from __future__ import annotations

import pytest

from lightning_trt.errors import SettingsError, UnsupportedPrecisionError
from lightning_trt.pipeline.plan import _candidates, planned
from lightning_trt.settings import ExportSettings


def names(**calibration: object) -> list[str]:
    """Names of the candidates for int8 and fp8."""
    settings = ExportSettings(precisions=("int8", "fp8"), calibrators=("minmax",), calibration=calibration)  # type: ignore[arg-type]  # as a user writes it
    return [asked.name for asked in _candidates(settings)]


def test_pairs_are_not_said() -> None:
    """The way that every backend knows needs no name."""
    assert names() == ["int8-minmax", "fp8-minmax"]


def test_each_way_has_candidates_of_its_own() -> None:
    """A cache of our ranges, and TensorRT's own calibrators; fp8 knows pairs alone."""
    found = names(quantized_by=("pairs", "cache", "native"), native=("entropy2", "legacy"))

    assert found == ["int8-minmax", "int8-cache-minmax", "int8-native-entropy2", "int8-native-legacy", "fp8-minmax"]


@pytest.mark.parametrize("way", ["cache", "native"])
def test_a_backend_that_reads_pairs_alone_refuses_the_others(way: str) -> None:
    """Before any work; the sentence says what to set."""
    settings = ExportSettings(backend="onnxruntime", calibration={"quantized_by": way})  # type: ignore[arg-type]  # as a user writes it

    with pytest.raises(UnsupportedPrecisionError, match=rf"int8 by {way}: the backend onnxruntime reads Q/DQ pairs"):
        planned(settings)


def test_an_unknown_way_is_refused() -> None:
    """With the nearest name."""
    with pytest.raises(SettingsError, match="Did you mean 'native'"):
        names(quantized_by="natives")
