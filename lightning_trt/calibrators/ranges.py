"""`ranges.json`: the ranges that a candidate was quantized by, beside its engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lightning_trt.artifacts import Range, Ranges
from lightning_trt.errors import StorageError
from lightning_trt.storage import json_of, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RANGES_FILE", "load_ranges", "save_ranges"]

RANGES_FILE = "ranges.json"
"""Name of the file beside an engine."""

_VERSION = 1


def save_ranges(ranges: Ranges, path: Path | str) -> Path:
    """`path`, which then holds `ranges` as JSON: low, high and, where per channel, axis, by tensor name.

    Raises:
        StorageError: It cannot be written.
    """
    tensors = {name: _plain(each) for name, each in ranges.tensors.items()}
    return write_whole(path, json.dumps({"version": _VERSION, "tensors": tensors}, indent=1) + "\n")


def load_ranges(path: Path | str) -> Ranges:
    """The ranges that `save_ranges` wrote at `path`.

    Raises:
        StorageError: The file is absent, damaged, or of another version.
    """
    try:
        document = json_of(Path(path).read_text(encoding="utf-8"))
        if document["version"] != _VERSION:
            raise StorageError(f"{path} is of version {document['version']} of ranges, this is version {_VERSION}.")
        return Ranges(tensors={name: _range(each) for name, each in document["tensors"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"{path} cannot be read as ranges: {type(error).__name__}: {error}. It must be a whole ranges.json that "
            "lightning-trt wrote; export again."
        ) from error


def _plain(each: Range) -> dict[str, object]:
    ends = {"low": np.asarray(each.low).tolist(), "high": np.asarray(each.high).tolist()}
    return ends if each.axis is None else {**ends, "axis": each.axis}


def _range(each: Mapping[str, object]) -> Range:
    axis = each.get("axis")
    if axis is None:
        return Range(low=float(str(each["low"])), high=float(str(each["high"])))
    return Range(low=np.array(each["low"], np.float32), high=np.array(each["high"], np.float32), axis=int(str(axis)))
