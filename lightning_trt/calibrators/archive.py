"""`statistics.npz`: statistics on disk, whole, with a version of their own."""

from __future__ import annotations

import io
import json
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_trt.artifacts import Statistics, TensorStatistics
from lightning_trt.calibrators.bins import NUM_BINS
from lightning_trt.errors import StorageError
from lightning_trt.storage import json_of, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["STATISTICS_VERSION", "load", "save"]

STATISTICS_VERSION = 1
"""Version of the file, and of what its numbers mean."""

_NUMBERS = ("count", "nans", "infs", "low", "high")
_MOST_TIMES = 200
"""A zip of zeros unpacks to a thousand times its size; statistics, with numbers of every sample, to some tens."""
_LEAST_LIMIT_BYTES = 16 << 20


def save(statistics: Statistics, path: Path | str) -> Path:
    """`path`, which then holds `statistics`: of the histograms the occupied bins alone, a few kilobytes for a tensor.

    Raises:
        StorageError: It cannot be written; what stood at `path` before is untouched.
    """
    about = {
        "version": STATISTICS_VERSION,
        "key": statistics.key,
        "graph": statistics.graph,
        "block_size": statistics.block_size,
        "indices": statistics.indices,
        "tensors": [
            {"name": name, **{number: getattr(each, number) for number in _NUMBERS}}
            for name, each in statistics.tensors.items()
        ],
    }
    arrays: dict[str, NDArray[Any]] = {"fingerprints": statistics.fingerprints}
    for number, each in enumerate(statistics.tensors.values()):
        arrays |= {f"{number}/{key}": array for key, array in _arrays(each).items()}
    file = io.BytesIO()
    np.savez_compressed(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]  # its stub takes a mapping for flags
    return write_whole(path, file.getvalue())


def load(path: Path | str) -> Statistics:
    """The statistics that `save` wrote at `path`.

    Raises:
        StorageError: The file is absent, damaged, or of another version.
    """
    try:
        statistics, key = _read(Path(path).read_bytes(), path)
    except StorageError:
        raise
    except Exception as error:  # a damaged zip ends zipfile's and numpy's reading in many ways
        raise StorageError(
            f"{path} cannot be read as calibration statistics: {type(error).__name__}: {error}. It must be a whole "
            "file that lightning-trt wrote; remove it and calibrate again."
        ) from error
    if statistics.key != key:
        raise StorageError(f"{path} was changed: its key is {key}, its content's {statistics.key}. Remove it.")
    return statistics


def _read(content: bytes, path: Path | str) -> tuple[Statistics, str]:
    """The statistics in a file, and the key that it says they have."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        size = sum(each.file_size for each in file.zip.infolist())
        if size > max(_LEAST_LIMIT_BYTES, _MOST_TIMES * len(content)):
            raise ValueError(f"it is {len(content):,} bytes that unpack to {size:,}, which no statistics do")
        about = json_of(str(file["about"]))
        if about["version"] != STATISTICS_VERSION:
            raise StorageError(
                f"{path} is of version {about['version']} of calibration statistics, this is version "
                f"{STATISTICS_VERSION}. Remove it and calibrate again."
            )
        return _statistics(about, file), about["key"]


def _arrays(tensor: TensorStatistics) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"lows": tensor.sample_lows, "highs": tensor.sample_highs}
    for sign, counts in (("positive", tensor.positive), ("negative", tensor.negative)):
        if counts is not None:
            occupied = np.flatnonzero(counts)
            arrays |= {f"{sign}/bins": occupied.astype(np.uint16), f"{sign}/counts": counts[occupied]}
    return arrays


def _statistics(about: Mapping[str, Any], file: Mapping[str, NDArray[Any]]) -> Statistics:  # JSON and npz are untyped
    indices = tuple(map(index, about["indices"]))
    return Statistics(
        tensors={str(each["name"]): _tensor(each, number, file) for number, each in enumerate(about["tensors"])},
        indices=indices,
        fingerprints=_numbers(file, "fingerprints", np.uint64),
        graph=str(about["graph"]),
        block_size=index(about["block_size"]),
    )


def _tensor(about: Mapping[str, Any], number: int, file: Mapping[str, NDArray[Any]]) -> TensorStatistics:
    return TensorStatistics(
        count=index(about["count"]),
        nans=index(about["nans"]),
        infs=index(about["infs"]),
        low=float(about["low"]),
        high=float(about["high"]),
        sample_lows=_numbers(file, f"{number}/lows", np.float32),
        sample_highs=_numbers(file, f"{number}/highs", np.float32),
        positive=_counts(file, f"{number}/positive"),
        negative=_counts(file, f"{number}/negative"),
    )


def _counts(file: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.int64] | None:
    if f"{name}/bins" not in file:
        return None
    counts = np.zeros(NUM_BINS, np.int64)
    counts[_numbers(file, f"{name}/bins", np.uint16)] = _numbers(file, f"{name}/counts", np.int64)
    if counts.min() < 0:
        raise ValueError(f"{name}/counts has numbers below 0")
    return counts


def _numbers(file: Mapping[str, NDArray[Any]], name: str, dtype: type[np.generic]) -> NDArray[Any]:
    """A list of numbers of this very type: numpy would make something of nearly any."""
    found = file[name]
    if found.ndim != 1 or found.dtype != dtype:
        raise ValueError(f"{name} is of type {found.dtype} and shape {found.shape}, no list of {dtype.__name__}")
    return found
