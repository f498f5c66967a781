"""Statistics to Ranges: pure functions of numpy, one algorithm a file, and the statistics themselves on disk.

What looks at activations while they are computed belongs to the calibrate station; here everything is numbers already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.calibrators.archive import STATISTICS_VERSION, load, save
from lightning_trt.calibrators.entropy import Entropy
from lightning_trt.calibrators.entropy2 import Entropy2
from lightning_trt.calibrators.fits import fits, misfits
from lightning_trt.calibrators.legacy import Legacy
from lightning_trt.calibrators.mean_minmax import MeanMinMax
from lightning_trt.calibrators.minmax import MinMax
from lightning_trt.calibrators.mse import Mse
from lightning_trt.calibrators.percentile import Percentile, undersampled
from lightning_trt.calibrators.ranges import RANGES_FILE, load_ranges, save_ranges
from lightning_trt.calibrators.runs import fits_of
from lightning_trt.calibrators.statistics import beyond_fp16, merge
from lightning_trt.settings import CalibratorName

if TYPE_CHECKING:
    from lightning_trt.protocols import Calibrator
    from lightning_trt.settings import CalibrationSettings

__all__ = [
    "RANGES_FILE",
    "STATISTICS_VERSION",
    "Entropy",
    "Entropy2",
    "Legacy",
    "MeanMinMax",
    "MinMax",
    "Mse",
    "Percentile",
    "beyond_fp16",
    "find",
    "fits",
    "fits_of",
    "load",
    "load_ranges",
    "merge",
    "misfits",
    "save",
    "save_ranges",
    "undersampled",
]


def find(name: CalibratorName, settings: CalibrationSettings) -> Calibrator:
    """The calibrator called `name`, as `settings` want it.

    Example:
        >>> from lightning_trt.calibrators import find
        >>> from lightning_trt.settings import CalibrationSettings, CalibratorName
        >>> find(CalibratorName.percentile, CalibrationSettings(percentile=99.9))
        Percentile(percentile=99.9)
    """
    table: dict[CalibratorName, Calibrator] = {
        CalibratorName.minmax: MinMax(),
        CalibratorName.percentile: Percentile(percentile=settings.percentile),
        CalibratorName.mse: Mse(),
        CalibratorName.entropy: Entropy(),
        CalibratorName.entropy2: Entropy2(),
        CalibratorName.legacy: Legacy(quantile=settings.quantile, cutoff=settings.cutoff),
        CalibratorName.mean_minmax: MeanMinMax(),
    }
    return table[name]
