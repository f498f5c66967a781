"""Statistics on disk."""

from __future__ import annotations

import dataclasses
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lightning_trt.calibrators import archive, load, save
from lightning_trt.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lightning_trt.artifacts import Statistics


@pytest.fixture
def statistics(statistics_of: Callable[..., Statistics]) -> Statistics:
    """Statistics of a few numbers of both signs."""
    return statistics_of(np.random.default_rng(1).normal(size=(5, 40)).astype(np.float32))


def test_statistics_come_back_as_they_were(statistics: Statistics, tmp_path: Path) -> None:
    """Every number, bit for bit."""
    path = save(statistics, tmp_path / "statistics.npz")

    found = load(path)

    assert found.key == statistics.key
    for field in dataclasses.fields(found.tensors["x"]):
        np.testing.assert_array_equal(
            getattr(found.tensors["x"], field.name), getattr(statistics.tensors["x"], field.name)
        )


def test_extremes_alone_come_back_without_histograms(statistics: Statistics, tmp_path: Path) -> None:
    """What was not counted is not invented."""
    bare = dataclasses.replace(statistics.tensors["x"], positive=None, negative=None)
    path = save(dataclasses.replace(statistics, tensors={"x": bare}), tmp_path / "statistics.npz")

    assert not load(path).has_histograms


def test_file_is_small(statistics: Statistics, tmp_path: Path) -> None:
    """Only occupied bins are written."""
    path = save(statistics, tmp_path / "statistics.npz")

    assert path.stat().st_size < 4_000


@pytest.mark.parametrize("length", [0, 10, 700], ids="{} bytes".format)
def test_truncated_file_is_refused(length: int, statistics: Statistics, tmp_path: Path) -> None:
    """The error names the file and what to do."""
    path = save(statistics, tmp_path / "statistics.npz")
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(StorageError, match=r"statistics\.npz.*calibrate again"):
        load(path)


def test_file_of_another_version_is_refused(
    statistics: Statistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both versions are named."""
    with monkeypatch.context() as patch:
        patch.setattr(archive, "STATISTICS_VERSION", 99)
        path = save(statistics, tmp_path / "statistics.npz")

    with pytest.raises(StorageError, match=r"version 99.*version 1"):
        load(path)


def test_other_numpy_file_is_refused(tmp_path: Path) -> None:
    """An archive of somebody else's arrays is no statistics."""
    np.savez(tmp_path / "other.npz", a=np.zeros(3))

    with pytest.raises(StorageError, match="cannot be read as calibration statistics"):
        load(tmp_path / "other.npz")


def test_absent_file_is_refused(tmp_path: Path) -> None:
    """One error family for all that can be wrong with the file."""
    with pytest.raises(StorageError, match="absent"):
        load(tmp_path / "absent.npz")


def test_bomb_is_refused_before_it_is_unpacked(statistics: Statistics, tmp_path: Path) -> None:
    """A gigabyte of zeros takes a megabyte in a zip."""
    path = save(statistics, tmp_path / "statistics.npz")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file, file.open("bomb.npy", "w", force_zip64=True) as bomb:
        for _ in range(1 << 7):
            bomb.write(bytes(1 << 20))

    with pytest.raises(StorageError, match="unpack to"):
        load(path)


def test_arrays_of_another_type_are_refused(statistics: Statistics, tmp_path: Path) -> None:
    """Numpy would make numbers of them."""
    path = save(statistics, tmp_path / "statistics.npz")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez_compressed(path, **{**arrays, "0/lows": arrays["0/lows"].astype(np.complex64)})

    with pytest.raises(StorageError, match="no list of float32"):
        load(path)
