"""What holds for every calibrator, whatever it makes least."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lightning_trt.calibrators import find, merge
from lightning_trt.errors import SettingsError
from lightning_trt.settings import CalibrationSettings, CalibratorName

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lightning_trt.artifacts import Range, Statistics

SETTINGS = CalibrationSettings(percentile=90, quantile=0.95, cutoff=0.75)
EVERY = [find(name, SETTINGS) for name in CalibratorName]
every = pytest.mark.parametrize("calibrator", EVERY, ids=[name.value for name in CalibratorName])
few = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
MAGNITUDES = st.floats(2.0**-30, 2.0**30, width=32)
VALUES = arrays(np.float32, st.tuples(st.integers(2, 6), st.integers(1, 30)), elements=MAGNITUDES)
SIGNED = VALUES.flatmap(lambda values: arrays(np.bool_, values.shape).map(lambda flip: np.where(flip, -values, values)))


def range_of(calibrator: object, statistics: Statistics) -> Range:
    """The range that the calibrator reads for the one tensor."""
    return calibrator.ranges(statistics).tensors["x"]  # type: ignore[attr-defined]


@every
@given(values=SIGNED)
@few
def test_range_lies_within_what_was_seen(
    calibrator: object, values: NDArray[np.float32], statistics_of: Callable[..., Statistics]
) -> None:
    """No calibrator asks for more than there was, and none turns a range around."""
    found = range_of(calibrator, statistics_of(values))

    largest = float(np.abs(values).max())
    assert -largest <= found.low <= found.high <= largest
    assert 0 < found.amax <= largest


@every
@given(values=SIGNED, exponent=st.integers(-40, 40))
@few
def test_range_scales_with_the_values(
    calibrator: object, values: NDArray[np.float32], exponent: int, statistics_of: Callable[..., Statistics]
) -> None:
    """Other units, other numbers, the same range: exactly for powers of two."""
    found = range_of(calibrator, statistics_of(values))

    scaled = range_of(calibrator, statistics_of(np.ldexp(values, exponent)))

    assert (scaled.low, scaled.high) == (np.ldexp(found.low, exponent), np.ldexp(found.high, exponent))


@every
@given(values=SIGNED)
@few
def test_negated_values_mirror_the_range(
    calibrator: object, values: NDArray[np.float32], statistics_of: Callable[..., Statistics]
) -> None:
    """No sign is better than the other."""
    found = range_of(calibrator, statistics_of(values))

    mirrored = range_of(calibrator, statistics_of(-values))

    assert (mirrored.low, mirrored.high) == (-found.high, -found.low)


@every
@given(values=SIGNED, seed=st.integers(0, 100))
@few
def test_order_of_samples_changes_nothing(
    calibrator: object, values: NDArray[np.float32], seed: int, statistics_of: Callable[..., Statistics]
) -> None:
    """Shuffled samples give the same range, bit by bit."""
    shuffled = np.random.default_rng(seed).permutation(values, axis=0)

    found = range_of(calibrator, statistics_of(shuffled))

    assert found == range_of(calibrator, statistics_of(values))


@every
@given(values=SIGNED, cut=st.integers(1, 5))
@few
def test_merged_parts_give_the_range_of_the_whole(
    calibrator: object, values: NDArray[np.float32], cut: int, statistics_of: Callable[..., Statistics]
) -> None:
    """Ranks that share the samples find what one alone finds."""
    cut = min(cut, len(values) - 1)
    whole, indices = statistics_of(values), tuple(range(len(values)))
    first = statistics_of(values[:cut], indices=indices[:cut])
    second = statistics_of(values[cut:], indices=indices[cut:])

    assert range_of(calibrator, merge(second, first)) == range_of(calibrator, whole)


@every
def test_zeros_have_a_range_without_width(calibrator: object, statistics_of: Callable[..., Statistics]) -> None:
    """A dead tensor is no error here: the scale of zero is the pass's to choose."""
    found = range_of(calibrator, statistics_of(np.zeros((4, 100), np.float32)))

    assert (found.low, found.high) == (0, 0)


@pytest.mark.parametrize("constant", [3.0, -3.02, 1e-42, 3.4e38], ids=str)
@pytest.mark.parametrize("name", [name for name in CalibratorName if name is not CalibratorName.legacy])
def test_range_of_a_constant_ends_in_its_bin(
    name: CalibratorName, constant: float, statistics_of: Callable[..., Statistics]
) -> None:
    """Constants of either sign, denormals and the greatest floats: at most a bin is lost, and nothing overflows."""
    found = range_of(find(name, SETTINGS), statistics_of(np.full((4, 100), constant, np.float32)))

    largest = abs(float(np.float32(constant)))
    assert largest * (1 - 1 / 64) <= found.amax <= largest


@every
def test_samples_that_are_not_finite_do_not_widen_the_range(
    calibrator: object, statistics_of: Callable[..., Statistics]
) -> None:
    """NaN and infinity stay out, and so do the finite values beside them."""
    values = np.random.default_rng(0).normal(size=(8, 500)).astype(np.float32)
    values[2, :3] = np.nan, 1e9, np.inf

    found = range_of(calibrator, statistics_of(values))

    assert 0 < found.amax <= np.abs(np.delete(values, 2, axis=0)).max()


@every
def test_nothing_finite_gives_a_range_without_width(
    calibrator: object, statistics_of: Callable[..., Statistics]
) -> None:
    """Where every sample holds a NaN, nothing is known."""
    found = range_of(calibrator, statistics_of(np.array([[1.0, np.nan], [np.nan, 2.0]], np.float32)))

    assert (found.low, found.high) == (0, 0)


@pytest.mark.parametrize("name", ["percentile", "entropy", "entropy2"])
def test_clips_one_huge_outlier(name: str, statistics_of: Callable[..., Statistics]) -> None:
    """What min-max would spend its levels on is left out, and how huge it is does not matter."""
    values = np.random.default_rng(0).normal(size=(10, 5_000)).astype(np.float32)
    largest = np.abs(values).max()
    values[3, 5] = 1e30

    found = range_of(find(CalibratorName(name), CalibrationSettings()), statistics_of(values))

    assert 3 < found.amax <= largest * (1 + 1 / 64)


@pytest.mark.parametrize("calibrator", [each for each in EVERY if each.needs_histograms], ids=str)
def test_statistics_without_histograms_are_refused(
    calibrator: object, statistics_of: Callable[..., Statistics]
) -> None:
    """The error names the tensor and what to do."""
    full = statistics_of(np.ones((2, 3), np.float32))
    bare = dataclasses.replace(full.tensors["x"], positive=None, negative=None)

    with pytest.raises(SettingsError, match=r"'x'.*histograms.*Calibrate again"):
        range_of(calibrator, dataclasses.replace(full, tensors={"x": bare}))
