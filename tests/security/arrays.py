"""`statistics.npz`: a zip of numpy's arrays, with JSON in one of them."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from security.odd_bytes import odd_bytes
from security.odd_trees import odd_json

from lightning_trt.artifacts import Statistics, TensorStatistics
from lightning_trt.calibrators import Mse, bins, load, save

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

__all__ = ["StatisticsFiles"]

_BOMB_BYTES = 4 << 30


@dataclass(frozen=True)
class StatisticsFiles:
    """Read, and given to a calibrator."""

    def spoil(self, into: Path, rng: Random) -> str:
        path = save(_statistics(7), into / "statistics.npz")
        if rng.random() < 0.4:
            other = save(_statistics(8), into / "other.npz").read_bytes()
            said, content = odd_bytes(path.read_bytes(), rng, other=other)
            path.write_bytes(content)
            return said
        with np.load(path) as file:
            members = {name: _npy(file[name]) for name in file.files}
        name = rng.choice(list(members))
        said, members[name] = _odd_about(members["about"], rng) if name == "about" else _odd_array(rng)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for each, content in members.items():
                archive.writestr(f"{each}.npy", content)
        return f"{said} in {name}"

    def read(self, folder: Path) -> str:
        Mse().ranges(load(folder / "statistics.npz"))
        return "read"


def _statistics(seed: int) -> Statistics:
    values = np.random.default_rng(seed).normal(size=(6, 50)).astype(np.float32)
    each = TensorStatistics(
        count=values.size,
        nans=0,
        infs=0,
        low=float(values.min()),
        high=float(values.max()),
        sample_lows=values.min(1),
        sample_highs=values.max(1),
        positive=np.bincount(bins.bin_of(values[values >= 0]), minlength=bins.NUM_BINS),
        negative=np.bincount(bins.bin_of(values[values < 0]), minlength=bins.NUM_BINS),
    )
    return Statistics(
        tensors={"x": each, "y": each},
        indices=tuple(range(6)),
        fingerprints=np.arange(6, dtype=np.uint64),
        graph="graph",
        block_size=8,
    )


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _odd_about(content: bytes, rng: Random) -> tuple[str, bytes]:
    about = str(np.load(io.BytesIO(content)))
    said, spelt = odd_json(about, rng)
    return said, _npy(np.array(spelt.encode("utf-8", "replace").decode()))


def _odd_array(rng: Random) -> tuple[str, bytes]:
    odd = {
        "nothing": np.zeros(0),
        "scalar": np.array(3),
        "beyond the bins": np.array([60_000], np.uint16),
        "negative": np.array([-5, -70_000]),
        "fractions": np.linspace(0, 1, 7),
        "NaN": np.array([np.nan, np.inf], np.float32),
        "text": np.array(["a", "b"]),
        "bytes": np.array([b"x"]),
        "dates": np.array(["2026-01-01"], "datetime64[D]"),
        "records": np.zeros(3, [("a", "i4"), ("b", "f8")]),
        "complex": np.zeros(6, np.complex64),
        "objects": np.array([{"a": 1}, None], dtype=object),
        "many axes": np.zeros((1,) * 20),
        "int64 at its end": np.array([np.iinfo(np.int64).max] * 2),
    }
    name = rng.choice([*odd, "huge by its header", "bomb"])
    if name == "huge by its header":
        whole = _npy(np.zeros(3, np.float32))
        return name, whole.replace(b"(3,), }         ", b"(999999999999,), }"[:16].ljust(16))
    return (name, _bomb()) if name == "bomb" else (name, _npy(odd[name]))


@cache
def _bomb() -> bytes:
    """64 MB of zeros, which a zip holds in 64 kB; the case of gigabytes is a test of its own."""
    return _npy(np.zeros(64 << 20, np.uint8))
