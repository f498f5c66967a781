"""What is to be built: the candidates that the settings ask for, after the backend was asked whether it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_trt import backends, platforms
from lightning_trt.errors import UnsupportedPrecisionError
from lightning_trt.pipeline.devices import check_device
from lightning_trt.precision import Precision
from lightning_trt.protocols import NativeCalibration
from lightning_trt.settings import QuantizedBy

if TYPE_CHECKING:
    from lightning_trt.protocols import Backend
    from lightning_trt.settings import CalibratorName, ExportSettings, NativeCalibrator

__all__ = ["Asked", "Plan", "planned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A candidate before it is built."""

    precision: Precision
    calibrator: CalibratorName | NativeCalibrator | None = None
    quantized_by: QuantizedBy = QuantizedBy.pairs

    @property
    def reads_statistics(self) -> bool:
        """Whether one of our calibrators makes its ranges."""
        return self.calibrator is not None and self.quantized_by is not QuantizedBy.native

    @property
    def name(self) -> str:
        """`<precision>`, `<precision>-<calibrator>`, or with `cache` or `native` between the two.

        Example:
            >>> from lightning_trt.pipeline.plan import Asked
            >>> from lightning_trt.precision import Precision
            >>> from lightning_trt.settings import CalibratorName
            >>> Asked(precision=Precision.int8, calibrator=CalibratorName.minmax).name
            'int8-minmax'
        """
        how = [] if self.quantized_by is QuantizedBy.pairs else [self.quantized_by.value]
        calibrator = [] if self.calibrator is None else [self.calibrator.value]
        return "-".join([self.precision.value, *how, *calibrator])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The backend, why it was taken, and the candidates to build with it."""

    backend: Backend
    why: str
    candidates: tuple[Asked, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all candidates."""
        return tuple(each.name for each in self.candidates)

    @property
    def quantized(self) -> tuple[str, ...]:
        """Names of the candidates that are quantized."""
        return tuple(each.name for each in self.candidates if each.precision.is_quantized)

    @property
    def needs_ranges(self) -> bool:
        """Whether anything is quantized."""
        return any(each.precision.is_quantized for each in self.candidates)


def planned(settings: ExportSettings) -> Plan:
    """The plan for `settings`.

    Raises:
        SettingsError: No backend is called so, or no such device is here to calibrate on.
        BackendNotAvailableError: The asked backend cannot work here.
        UnsupportedPrecisionError: The backend, or the platform, cannot give a precision that was asked for.
    """
    check_device(settings.calibration.device)
    choice = backends.choose(settings.backend)
    backend = choice.backend
    refusals = {each: _why_not(backend, each, settings.build.platform) for each in Precision}
    refused = [f"{each.value}: {refusals[each]}" for each in settings.precisions if refusals[each] is not None]
    if refused:
        possible = ", ".join(each.value for each, why_not in refusals.items() if why_not is None)
        where = "here" if settings.build.platform is None else f"for {settings.build.platform}"
        raise UnsupportedPrecisionError(f"{' '.join(refused)} The backend {backend.name} gives {where}: {possible}.")
    for how in settings.calibration.quantized_by:
        if reason := _why_not_quantized(backend, how):
            raise UnsupportedPrecisionError(f"int8 by {how.value}: {reason}")
    return Plan(backend=backend, why=choice.why, candidates=tuple(_candidates(settings)))


def _why_not(backend: Backend, precision: Precision, platform: str | None) -> str | None:
    """A sentence why `precision` cannot be had on `platform`, or of the backend, or None."""
    of_platform = None if platform is None else platforms.why_not(precision, device=platform)
    return of_platform or backend.why_not(precision)


def _candidates(settings: ExportSettings) -> list[Asked]:
    asked: list[Asked] = []
    for precision in settings.precisions:
        if not precision.is_quantized:
            asked.append(Asked(precision=precision))
            continue
        for how in settings.calibration.quantized_by if precision is Precision.int8 else (QuantizedBy.pairs,):
            names = settings.calibration.native if how is QuantizedBy.native else settings.calibrators
            asked += [Asked(precision=precision, calibrator=name, quantized_by=how) for name in names]
    return asked


def _why_not_quantized(backend: Backend, how: QuantizedBy) -> str | None:
    """A sentence why the backend cannot be told by `how`, or None."""
    if how is QuantizedBy.pairs:
        return None
    if isinstance(backend, NativeCalibration):
        return backend.why_no_cache()
    return f"the backend {backend.name} reads Q/DQ pairs alone: use calibration.quantized_by=pairs with it."
