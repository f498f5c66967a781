"""TensorRT's calibration cache: `Ranges` in another spelling.

A header with version and algorithm, then a line `name: scale` for each tensor, the scale as the eight hexadecimal
digits of a big-endian float32. The scale is amax / 127.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Range, Ranges
from lightning_trt.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ranges_in", "ranges_of", "text_of"]

_STEPS = 127


def text_of(ranges: Ranges, *, header: str) -> str:
    r"""The cache that says `ranges`; tensors that were zero throughout, which have no scale, are left out.

    Example:
        >>> from lightning_trt.artifacts import Range, Ranges
        >>> from lightning_trt.backends.calibration_cache import text_of
        >>> ranges = Ranges(tensors={"input": Range(low=-1.0, high=0.5)})
        >>> text_of(ranges, header="TRT-8600-EntropyCalibration2")
        'TRT-8600-EntropyCalibration2\ninput: 3c010204\n'
    """
    scales = {name: float(each.amax) / _STEPS for name, each in ranges.tensors.items()}
    lines = [f"{name}: {struct.pack('!f', scale).hex()}" for name, scale in scales.items() if scale > 0]
    return "\n".join([header, *lines]) + "\n"


def ranges_in(path: Path) -> Ranges:
    """The ranges that the cache at `path` says; see `ranges_of`.

    Raises:
        BuildError: It cannot be read, or is no calibration cache.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(
            f"the calibration cache {path} cannot be read: {error}. Take the folder as it was written, or export again."
        ) from error
    return ranges_of(text)


def ranges_of(text: str) -> Ranges:
    r"""The ranges that a cache of any algorithm says, symmetric ones; tensors without a proper scale are left out.

    Raises:
        BuildError: The text is no calibration cache.

    Example:
        >>> from lightning_trt.backends.calibration_cache import ranges_of
        >>> round(ranges_of("TRT-8600-EntropyCalibration2\ninput: 3c010204\n").tensors["input"].high, 6)
        1.0
    """
    tensors: dict[str, Range] = {}
    try:
        for line in filter(None, map(str.strip, text.splitlines()[1:])):
            # A name may hold colons.
            name, digits = line.rsplit(": ", 1)
            (scale,) = struct.unpack("!f", bytes.fromhex(digits.zfill(8)))
            if math.isfinite(scale * _STEPS) and scale > 0:
                tensors[name] = Range(low=-scale * _STEPS, high=scale * _STEPS)
    except (ValueError, struct.error) as error:
        raise BuildError(
            f"TensorRT's calibration cache cannot be read: {error}. Expected lines of a name and eight hexadecimal "
            "digits. Use one of our own calibrators."
        ) from error
    return Ranges(tensors=tensors)
