"""What `torch2trt()` has to tell of an engine: what was chosen, layer by layer, and who found the ranges."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_trt.artifacts import Engine
    from lightning_trt.compat.calibration import Calibrated
    from lightning_trt.precision import DType

__all__ = ["ConversionReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionReport:
    """How an engine came to be; `print(report)` shows it.

    Attributes:
        backend: What built it, with its version.
        allowed: The precision that was allowed.
        layers: Name of each layer of the engine, and the data type it computes in.
        calibrator: Who found the ranges of an int8 engine.
        calibration_samples: How many samples it saw.
        calibration_batches: In how many batches they were pulled.
        calibration_batch_size: How many samples a whole batch has.
        notes: What a reader should know.
    """

    backend: str
    allowed: str
    layers: tuple[tuple[str, DType], ...]
    calibrator: str | None = None
    calibration_samples: int = 0
    calibration_batches: int = 0
    calibration_batch_size: int = 0
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, engine: Engine, layers: tuple[tuple[str, DType], ...], calibrated: Calibrated | None, *, why: str
    ) -> ConversionReport:
        """The report on `engine`, whose layers and calibration are these."""
        about = cls(
            backend=f"{engine.backend} {engine.backend_version}",
            allowed=engine.precision.value,
            layers=layers,
            notes=(why, *engine.notes, *(calibrated.notes if calibrated else ())),
        )
        if calibrated is None:
            return about
        return replace(
            about,
            calibrator=calibrated.by,
            calibration_samples=calibrated.num_samples,
            calibration_batches=calibrated.num_batches,
            calibration_batch_size=calibrated.batch_size,
        )

    @property
    def counts(self) -> Mapping[DType, int]:
        """Number of layers by the data type they compute in."""
        return Counter(dtype for _, dtype in self.layers)

    def __str__(self) -> str:
        counted = ", ".join(f"{count} in {dtype.value}" for dtype, count in self.counts.items()) or "none is known"
        lines = [f"{self.allowed} allowed on {self.backend}; layers: {counted}"]
        if self.calibrator is not None:
            lines.append(
                f"ranges by {self.calibrator}, from {self.calibration_samples} samples in "
                f"{self.calibration_batches} batches of {self.calibration_batch_size}"
            )
        width = max((len(dtype.value) for _, dtype in self.layers), default=0)
        lines += [f"  {dtype.value:<{width}}  {name}" for name, dtype in self.layers]
        return "\n".join([*lines, *(f"note: {each}" for each in self.notes)])
