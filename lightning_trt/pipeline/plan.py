"""What is to be built: the candidates that the settings ask for, after the backend was asked whether it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_trt import backends
from lightning_trt.errors import UnsupportedPrecisionError
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from lightning_trt.protocols import Backend
    from lightning_trt.settings import CalibratorName, ExportSettings

__all__ = ["Asked", "Plan", "planned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A candidate before it is built."""

    precision: Precision
    calibrator: CalibratorName | None = None

    @property
    def name(self) -> str:
        """`<precision>` or `<precision>-<calibrator>`.

        Example:
            >>> from lightning_trt.pipeline.plan import Asked
            >>> from lightning_trt.precision import Precision
            >>> from lightning_trt.settings import CalibratorName
            >>> Asked(precision=Precision.int8, calibrator=CalibratorName.minmax).name
            'int8-minmax'
        """
        return self.precision.value if self.calibrator is None else f"{self.precision.value}-{self.calibrator.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The backend, why it was taken, and the candidates to build with it."""

    backend: Backend
    why: str
    candidates: tuple[Asked, ...]

    @property
    def needs_ranges(self) -> bool:
        """Whether anything is quantized."""
        return any(each.precision.is_quantized for each in self.candidates)


def planned(settings: ExportSettings) -> Plan:
    """The plan for `settings`.

    Raises:
        SettingsError: No backend is called so.
        BackendNotAvailableError: The asked backend cannot work here.
        UnsupportedPrecisionError: The backend cannot give a precision that was asked for.
    """
    choice = backends.choose(settings.backend)
    backend = choice.backend
    refusals = {each: backend.why_not(each) for each in settings.precisions}
    refused = [f"{each.value}: {why_not}" for each, why_not in refusals.items() if why_not is not None]
    if refused:
        possible = ", ".join(each.value for each in Precision if backend.why_not(each) is None)
        raise UnsupportedPrecisionError(f"{' '.join(refused)} The backend {backend.name} gives here: {possible}.")
    return Plan(backend=backend, why=choice.why, candidates=tuple(_candidates(settings)))


def _candidates(settings: ExportSettings) -> list[Asked]:
    asked: list[Asked] = []
    for precision in settings.precisions:
        calibrators = settings.calibrators if precision.is_quantized else (None,)
        asked += [Asked(precision=precision, calibrator=calibrator) for calibrator in calibrators]
    return asked
