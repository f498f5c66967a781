"""Calibration algorithms by the names of TensorRT, and by ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lightning_trt.errors import SettingsError, nearest
from lightning_trt.settings import CalibratorName, NativeCalibrator

__all__ = ["Algorithm", "CalibrationAlgoType", "algorithm_of"]


class CalibrationAlgoType(Enum):
    """TensorRT's algorithms, for machines whose TensorRT has no such names any more, or that have none.

    A value is the name of our calibrator with the same algorithm.
    """

    LEGACY_CALIBRATION = "legacy"
    ENTROPY_CALIBRATION = "entropy"
    ENTROPY_CALIBRATION_2 = "entropy2"
    MINMAX_CALIBRATION = "minmax"


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """Our calibrator, and TensorRT's own with the same algorithm, where that was asked for."""

    calibrator: CalibratorName
    native: NativeCalibrator | None = None


def algorithm_of(given: object) -> Algorithm:
    """The algorithm of a member of `tensorrt.CalibrationAlgoType`, of its name, or of one of our calibrators' names.

    TensorRT's names ask for its own calibrators, ours for ours. None is what torch2trt takes: `ENTROPY_CALIBRATION_2`.

    Raises:
        SettingsError: There is no such algorithm; the sentence names the nearest.

    Example:
        >>> from lightning_trt.compat.algorithms import algorithm_of
        >>> algorithm_of("MINMAX_CALIBRATION").native.name, algorithm_of("mse").native
        ('minmax', None)
    """
    # An enum of TensorRT's bindings has a name as ours has.
    name = "ENTROPY_CALIBRATION_2" if given is None else str(getattr(given, "name", given))
    if isinstance(given, CalibratorName) or name in CalibratorName.__members__:
        return Algorithm(calibrator=CalibratorName[name])
    if name.upper() in CalibrationAlgoType.__members__:
        ours = CalibrationAlgoType[name.upper()].value
        return Algorithm(calibrator=CalibratorName[ours], native=NativeCalibrator[ours])
    known = [*CalibrationAlgoType.__members__, *CalibratorName.__members__]
    raise SettingsError(f"int8_calib_algorithm={name!r} is no calibration algorithm. {nearest(name, known)}")
