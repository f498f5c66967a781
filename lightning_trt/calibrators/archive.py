"""`statistics.npz`: statistics on disk, whole, with a version of their own."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_trt.artifacts import Statistics, TensorStatistics
from lightning_trt.calibrators.bins import NUM_BINS
from lightning_trt.errors import StorageError
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["STATISTICS_VERSION", "load", "save"]

STATISTICS_VERSION = 1
"""Version of the file, and of what its numbers mean."""

_NUMBERS = ("count", "nans", "infs", "low", "high")


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
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            if about["version"] != STATISTICS_VERSION:
                raise StorageError(
                    f"{path} is of version {about['version']} of calibration statistics, this is version "
                    f"{STATISTICS_VERSION}. Remove it and calibrate again."
                )
            statistics = _statistics(about, file)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"{path} cannot be read as calibration statistics: {type(error).__name__}: {error}. It must be a whole "
            "file that lightning-trt wrote; remove it and calibrate again."
        ) from error
    if statistics.key != about["key"]:
        raise StorageError(f"{path} was changed: its key is {about['key']}, its content's {statistics.key}. Remove it.")
    return statistics


def _arrays(tensor: TensorStatistics) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"lows": tensor.sample_lows, "highs": tensor.sample_highs}
    for sign, counts in (("positive", tensor.positive), ("negative", tensor.negative)):
        if counts is not None:
            occupied = np.flatnonzero(counts)
            arrays |= {f"{sign}/bins": occupied.astype(np.uint16), f"{sign}/counts": counts[occupied]}
    return arrays


def _statistics(about: Mapping[str, Any], file: Mapping[str, NDArray[Any]]) -> Statistics:  # JSON and npz are untyped
    return Statistics(
        tensors={each["name"]: _tensor(each, number, file) for number, each in enumerate(about["tensors"])},
        indices=tuple(about["indices"]),
        fingerprints=file["fingerprints"],
        graph=about["graph"],
        block_size=about["block_size"],
    )


def _tensor(about: Mapping[str, Any], number: int, file: Mapping[str, NDArray[Any]]) -> TensorStatistics:
    return TensorStatistics(
        **{number: about[number] for number in _NUMBERS},
        sample_lows=file[f"{number}/lows"],
        sample_highs=file[f"{number}/highs"],
        positive=_counts(file, f"{number}/positive"),
        negative=_counts(file, f"{number}/negative"),
    )


def _counts(file: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.int64] | None:
    if f"{name}/bins" not in file:
        return None
    counts = np.zeros(NUM_BINS, np.int64)
    counts[file[f"{name}/bins"]] = file[f"{name}/counts"]
    return counts
