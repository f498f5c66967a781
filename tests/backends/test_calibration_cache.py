"""Ranges as the text of a calibration cache, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_trt.artifacts import Range, Ranges
from lightning_trt.backends.calibration_cache import ranges_of, text_of
from lightning_trt.errors import BuildError

HEADER = "TRT-8600-EntropyCalibration2"

tensor_names = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1).filter(
    lambda name: name == name.strip()
)


@given(st.dictionaries(tensor_names, st.floats(1e-20, 1e20), max_size=5))
def test_ranges_come_back(amax: dict[str, float]) -> None:
    """Whatever the names hold, to the precision of float32."""
    ranges = Ranges(tensors={name: Range(low=-high, high=high) for name, high in amax.items()})

    back = ranges_of(text_of(ranges, header=HEADER))

    assert back.tensors.keys() == amax.keys()
    for name, high in amax.items():
        assert back.tensors[name].amax == pytest.approx(high, rel=1e-6)


def test_a_tensor_that_was_zero_is_left_out() -> None:
    """A scale of 0 stops the builder."""
    ranges = Ranges(tensors={"dead": Range(low=0.0, high=0.0)})

    assert text_of(ranges, header=HEADER) == HEADER + "\n"


@pytest.mark.parametrize("digits", ["00000000", "7f800000", "7fc00000"], ids=["zero", "infinite", "nan"])
def test_a_scale_that_is_none_is_left_out(digits: str) -> None:
    """TensorRT writes 0 for tensors that it saw nothing of."""
    assert ranges_of(f"{HEADER}\nx: {digits}\n").tensors == {}


def test_the_legacy_header_is_passed_over() -> None:
    """It holds numbers instead of a name."""
    text = "0 3ff0000000000000 3fefff2e48e8a71e\nx: 3c010204\n"

    assert np.isclose(ranges_of(text).tensors["x"].amax, 1.0)


def test_another_text_is_refused() -> None:
    """The sentence says what a line must be."""
    with pytest.raises(BuildError, match="lines of a name and eight hexadecimal digits"):
        ranges_of("TRT\nnot a line")
