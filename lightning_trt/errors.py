"""The error family.

Each error says what happened and with what values, what was expected, and what to do next::

    LightningTRTError
    ├── SettingsError                   a setting that cannot hold: unknown name, wrong value (usage)
    ├── EnvironmentNotReadyError        a package, a GPU or a driver is missing
    │   └── BackendNotAvailableError    the asked backend cannot work here
    │       └── DriverTooOldError       the GPU's driver is older than what the backend needs
    ├── UnsupportedPrecisionError       the backend or the device has no such arithmetic
    ├── CheckpointError                 a checkpoint that is absent, unreadable, or does not fit the module
    ├── DataError                       the user's data cannot serve
    │   ├── NoSamplesError              nothing to calibrate or to validate on
    │   └── NonFiniteActivationsError   NaN or Inf seen in named tensors
    ├── BoundaryError                   the part of the module to export
    │   ├── BoundaryNotFoundError       none was seen, or not the one that was named
    │   ├── AmbiguousBoundaryError      several were seen and none was named
    │   └── NotATensorFunctionError     its inputs or outputs are not made of tensors
    ├── ReplayError                     the user's validation_step cannot be replayed
    │   └── MetricNotLoggedError        a metric was asked for and never logged
    ├── ExportError                     the module did not become ONNX
    │   ├── UnsupportedOperatorError    an operator that cannot be exported, with its place
    │   └── ExportMismatchError         the ONNX computes something else than the module
    ├── BuildError                      the backend could not build the engine
    │   ├── BuildMemoryError            the GPU or the machine had too little memory for it
    │   ├── BuildTimeoutError           it took longer than it was given
    │   └── BuildCrashedError           the process that built it was ended by a signal
    ├── EngineError                     an engine folder that must not be opened
    │   ├── ManifestError               the manifest is missing, unreadable or of another schema
    │   ├── DigestMismatchError         a file is not the one that was built
    │   ├── ForeignEngineError          built for another GPU, TensorRT or backend version
    │   └── SignatureError              nobody vouches for it, or somebody else
    ├── SessionError                    a call that the engine cannot answer
    │   ├── InputMismatchError          another structure, shape, type or device than the engine takes
    │   └── SessionClosedError          the session was closed
    ├── StorageError                    a folder that cannot be written, a file that cannot be read
    ├── ReportError                     a report that is unreadable or of another schema
    └── GateFailedError                 the gate said no (raised after everything is written)
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AmbiguousBoundaryError",
    "BackendNotAvailableError",
    "BoundaryError",
    "BoundaryNotFoundError",
    "BuildCrashedError",
    "BuildError",
    "BuildMemoryError",
    "BuildTimeoutError",
    "CheckpointError",
    "DataError",
    "DigestMismatchError",
    "DriverTooOldError",
    "EngineError",
    "EnvironmentNotReadyError",
    "ExportError",
    "ExportMismatchError",
    "ForeignEngineError",
    "GateFailedError",
    "InputMismatchError",
    "LightningTRTError",
    "ManifestError",
    "MetricNotLoggedError",
    "NoSamplesError",
    "NonFiniteActivationsError",
    "NotATensorFunctionError",
    "ReplayError",
    "ReportError",
    "SessionClosedError",
    "SessionError",
    "SettingsError",
    "SignatureError",
    "StorageError",
    "UnsupportedOperatorError",
    "UnsupportedPrecisionError",
    "nearest",
]


_LONGEST = 4_000


class LightningTRTError(Exception):
    """Every error that lightning-trt raises on purpose. Its text is cut where a value in it is too long to be read."""

    def __init__(self, *args: object) -> None:
        super().__init__(*map(_cut, args))


class SettingsError(LightningTRTError, ValueError):
    """A setting that cannot hold."""


class EnvironmentNotReadyError(LightningTRTError, RuntimeError):
    """A package, a GPU or a driver is missing."""


class BackendNotAvailableError(EnvironmentNotReadyError):
    """The asked backend cannot work here."""


class DriverTooOldError(BackendNotAvailableError):
    """The GPU's driver is older than what the backend needs."""


class UnsupportedPrecisionError(LightningTRTError, ValueError):
    """The backend or the device has no such arithmetic."""


class CheckpointError(LightningTRTError, RuntimeError):
    """A checkpoint that is absent, unreadable, or does not fit the module."""


class DataError(LightningTRTError, ValueError):
    """The user's data cannot serve."""


class NoSamplesError(DataError):
    """Nothing to calibrate or to validate on."""


class NonFiniteActivationsError(DataError):
    """NaN or Inf was seen in named tensors."""


class BoundaryError(LightningTRTError, ValueError):
    """The part of the module to export is not clear."""


class BoundaryNotFoundError(BoundaryError):
    """No boundary was seen, or not the one that was named."""


class AmbiguousBoundaryError(BoundaryError):
    """Several boundaries were seen and none was named."""


class NotATensorFunctionError(BoundaryError):
    """The inputs or outputs of the boundary are not made of tensors."""


class ReplayError(LightningTRTError, RuntimeError):
    """The user's validation_step cannot be replayed."""


class MetricNotLoggedError(ReplayError):
    """A metric was asked for and never logged."""


class ExportError(LightningTRTError, RuntimeError):
    """The module did not become ONNX."""


class UnsupportedOperatorError(ExportError):
    """An operator that cannot be exported."""


class ExportMismatchError(ExportError):
    """The ONNX computes something else than the module."""


class BuildError(LightningTRTError, RuntimeError):
    """The backend could not build the engine."""


class BuildMemoryError(BuildError):
    """The GPU or the machine had too little memory to build the engine."""


class BuildTimeoutError(BuildError):
    """Building took longer than it was given."""


class BuildCrashedError(BuildError):
    """The process that built the engine was ended by a signal."""


class EngineError(LightningTRTError, RuntimeError):
    """An engine folder that must not be opened."""


class ManifestError(EngineError):
    """The manifest is missing, unreadable or of another schema."""


class DigestMismatchError(EngineError):
    """A file is not the one that was built."""


class ForeignEngineError(EngineError):
    """Built for another GPU, TensorRT or backend version."""


class SignatureError(EngineError):
    """The manifest has no signature, or not one by this key."""


class SessionError(LightningTRTError, RuntimeError):
    """A call that the engine cannot answer."""


class InputMismatchError(SessionError, ValueError):
    """Another structure, shape, type or device than the engine takes."""


class SessionClosedError(SessionError):
    """The session was closed."""


class StorageError(LightningTRTError, OSError):
    """A folder that cannot be written, or a file that cannot be read."""


class ReportError(LightningTRTError, ValueError):
    """A report that is unreadable or of another schema."""


class GateFailedError(LightningTRTError, RuntimeError):
    """The gate said no; everything was written before this was raised."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """A clause that names the choices, the nearest one first, for the end of an error's sentence.

    Example:
        >>> from lightning_trt.errors import nearest
        >>> nearest("int9", ["fp32", "int8"])
        "Did you mean 'int8'? Known: fp32, int8."
        >>> nearest("zzz", ["fp32", "int8"])
        'Known: fp32, int8.'
    """
    known = sorted(choices)
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return f"{guess}Known: {', '.join(known)}."


def _cut(text: object) -> object:
    if not isinstance(text, str) or len(text) <= _LONGEST:
        return text
    # What happened stands at the beginning, what to do next at the end.
    return f"{text[: _LONGEST - 1000]} [{len(text) - _LONGEST:,} characters are left out] {text[-1000:]}"
