"""The keywords of `torch2trt()`: checked, and what becomes of those that have no meaning any more."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from lightning_trt.compat.algorithms import Algorithm, algorithm_of
from lightning_trt.compat.log import severity_of
from lightning_trt.errors import SettingsError, UnsupportedPrecisionError, nearest
from lightning_trt.notices import notice
from lightning_trt.settings.reading import check_positive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lightning_trt.protocols import Backend

    Shapes = Sequence[Sequence[int]]

__all__ = ["Keywords", "check_taken", "keywords_of"]

_OTHER_NAMES = {"int8_calibration_dataset": "int8_calib_dataset"}
_MEBIBYTE = 1 << 20
_WITHOUT_BUILDER = "onnxruntime"
_OF_BUILDERS = ("max_workspace_size", "avg_timing_iterations", "log_level")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keywords:
    """What `torch2trt()` was told besides the module and its inputs, with its defaults."""

    input_names: Sequence[str] | None = None
    output_names: Sequence[str] | None = None
    fp16_mode: bool = False
    int8_mode: bool | None = None
    int8_calib_dataset: Any = None  # any object with __len__ and __getitem__
    int8_calib_algorithm: object = None
    int8_calib_batch_size: int = 1
    min_shapes: Shapes | None = None
    opt_shapes: Shapes | None = None
    max_shapes: Shapes | None = None
    max_batch_size: int | None = None
    max_workspace_size: int | None = None
    strict_type_constraints: bool = False
    log_level: object = None
    onnx_opset: int | None = None
    use_onnx: bool = True
    keep_network: bool = True
    default_device_type: object = "gpu"
    dla_core: int = 0
    gpu_fallback: bool = True
    device_types: Mapping[object, object] | None = None
    avg_timing_iterations: int | None = None
    backend: str = "auto"
    dirpath: Path | str | None = None

    def __post_init__(self) -> None:
        check_positive(
            self, "int8_calib_batch_size", "max_batch_size", "max_workspace_size", "avg_timing_iterations", "onnx_opset"
        )
        algorithm_of(self.int8_calib_algorithm)
        if self.log_level is not None:
            severity_of(self.log_level)
        if self.int8_calib_dataset is not None and self.int8_mode is False:
            raise SettingsError(
                "int8_calib_dataset is given and int8_mode is False: nothing would be calibrated. Leave out one of "
                "the two."
            )
        if not self.use_onnx:
            raise SettingsError(
                "use_onnx=False cannot be had: modules reach every backend as ONNX, by torch's exporters. Leave it out."
            )
        self._check_devices()

    @property
    def is_quantized(self) -> bool:
        """Whether int8 is on: asked for, or a dataset to calibrate with was given."""
        return bool(self.int8_mode) or self.int8_calib_dataset is not None

    @property
    def algorithm(self) -> Algorithm:
        """How ranges are found."""
        return algorithm_of(self.int8_calib_algorithm)

    @property
    def workspace_mb(self) -> int | None:
        """`max_workspace_size`, which is in bytes, in MiB."""
        return None if self.max_workspace_size is None else math.ceil(self.max_workspace_size / _MEBIBYTE)

    def _check_devices(self) -> None:
        """Nothing, where every layer may run on the GPU."""
        devices = [self.default_device_type, *(self.device_types or {}).values()]
        # TensorRT's enum has a name as strings have none.
        names = {str(getattr(each, "name", each)).lower() for each in devices}
        if "dla" in names or self.dla_core != 0 or not self.gpu_fallback:
            raise UnsupportedPrecisionError(
                "layers were asked for on a DLA, and engines are built for the GPU alone here. Only Jetson Xavier, "
                "Orin NX and AGX Orin have DLAs: build there with trtexec from the ONNX (dirpath=...), or leave out "
                "default_device_type, device_types, dla_core and gpu_fallback."
            )
        if unknown := names - {"gpu"}:
            raise SettingsError(f"a device type is {min(unknown)!r}; expected 'gpu', or tensorrt.DeviceType.GPU.")


def keywords_of(given: Mapping[str, Any], others: Mapping[str, Any]) -> Keywords:
    """The keywords, checked; `others` are those that the signature does not name.

    Raises:
        SettingsError: A keyword that does not exist, or a value that cannot hold.
        UnsupportedPrecisionError: Layers were asked for on a device that is not built for.
    """
    named = dict(given)
    for name, value in others.items():
        right = _OTHER_NAMES.get(name)
        if right is None:
            known = [*(each.name for each in fields(Keywords)), "module", "inputs"]
            raise SettingsError(f"torch2trt() has no keyword {name!r}. {nearest(name, known)}")
        notice(f"torch2trt() calls the keyword {name} {right}; it is taken as that.")
        named[right] = value
    keywords = Keywords(**named)
    _say_what_follows(keywords)
    return keywords


def check_taken(keywords: Keywords, backend: Backend) -> None:
    """Nothing, where `backend` can be told all that was given.

    Raises:
        SettingsError: It has nothing like it.
        UnsupportedPrecisionError: Strict fp16, where there is no arithmetic in it.
    """
    if backend.name != _WITHOUT_BUILDER:
        return
    if keywords.strict_type_constraints and keywords.fp16_mode:
        raise UnsupportedPrecisionError(
            f"strict_type_constraints=True and fp16_mode=True cannot be had together on {backend.name}: its kernels "
            "for the processor compute fp16 in fp32. Leave out one of the two, or take backend='tensorrt'."
        )
    for name in _OF_BUILDERS:
        if getattr(keywords, name) is not None:
            raise SettingsError(
                f"{name} is for TensorRT's builder, and {backend.name} has nothing like it. Leave it out, or take "
                "backend='tensorrt'."
            )


def _say_what_follows(keywords: Keywords) -> None:
    if keywords.int8_calib_dataset is not None and keywords.int8_mode is None:
        notice("int8_calib_dataset is given and int8_mode is not: int8 is switched on. Write int8_mode=True.")
    if keywords.is_quantized:
        return
    for name, default in (("int8_calib_algorithm", None), ("int8_calib_batch_size", 1)):
        if getattr(keywords, name) != default:
            notice(f"{name} has no effect: int8_mode is off.")
