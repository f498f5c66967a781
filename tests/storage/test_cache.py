"""What one run computed and another finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lightning_trt.errors import StorageError
from lightning_trt.storage import Cache, cache_at

if TYPE_CHECKING:
    from pathlib import Path

KEY = "1f0c"

_ADD_SLOWLY = """import sys, time; from pathlib import Path; from lightning_trt.storage import Cache
cache = Cache(folder=Path(sys.argv[1]))
def fill(into):
    print("filled")
    for part in range(20):
        time.sleep(0.01)
        (into / f"{part}.bin").write_bytes(bytes(1000))
with cache.alone("statistics/head"):
    cache.add("statistics/head", "1f0c", fill)
"""

_ADD_MANY = """import os, sys; from pathlib import Path; from lightning_trt.storage import Cache
cache = Cache(folder=Path(sys.argv[1]), limit_bytes=3000)
for number in range(60):
    cache.add("graphs", f"{os.getpid()}-{number}", lambda into: (into / "weights").write_bytes(bytes(1000)))
"""


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(folder=tmp_path / "cache")


def fill(into: Path) -> None:
    """Two files, one in a folder of its own."""
    (into / "model.onnx").write_text("graph")
    (into / "data").mkdir()
    (into / "data" / "weights").write_text("weights")


def refuse(_into: Path) -> None:
    """An entry that is there is not made again."""
    raise AssertionError("was asked to fill an entry that is there")


def test_what_was_added_is_found(cache: Cache) -> None:
    """With every file of it."""
    cache.add("graphs", KEY, fill)

    entry = cache.find("graphs", KEY)

    assert entry is not None
    assert (entry / "data" / "weights").read_text() == "weights"


def test_what_was_not_added_is_not_found(cache: Cache) -> None:
    """Another kind or another key is another entry."""
    cache.add("graphs", KEY, fill)

    assert cache.find("graphs", "2a7b") is None
    assert cache.find("scores", KEY) is None


def test_an_entry_is_made_once(cache: Cache) -> None:
    """Equal keys have equal content."""
    cache.add("graphs", KEY, fill)

    assert cache.add("graphs", KEY, refuse) == cache.find("graphs", KEY)


def test_keys_are_those_of_one_kind(cache: Cache) -> None:
    """Sorted."""
    for key in ("b", "a"):
        cache.add("graphs", key, fill)
    cache.add("scores", "c", fill)

    assert cache.keys("graphs") == ("a", "b")


def test_a_half_written_entry_is_nowhere(cache: Cache) -> None:
    """What raises while it is written leaves nothing."""

    def break_off(into: Path) -> None:
        fill(into)
        raise RuntimeError("disk is full")

    with pytest.raises(RuntimeError, match="disk is full"):
        cache.add("graphs", KEY, break_off)

    assert (cache.find("graphs", KEY), cache.keys("graphs")) == (None, ())


def spoil_file(entry: Path) -> None:
    """A file that was cut off."""
    (entry / "model.onnx").write_text("gra")


def spoil_by_removing(entry: Path) -> None:
    """A file that is gone."""
    (entry / "model.onnx").unlink()


def spoil_seal(entry: Path) -> None:
    """A seal that is no JSON."""
    (entry / "entry.json").write_text("{")


def spoil_version(entry: Path) -> None:
    """An entry of another version."""
    seal = json.loads((entry / "entry.json").read_text())
    (entry / "entry.json").write_text(json.dumps({**seal, "version": 99}))


def remove_seal(entry: Path) -> None:
    """A folder that somebody else made."""
    (entry / "entry.json").unlink()


SPOILT = [spoil_file, spoil_by_removing, spoil_seal, spoil_version, remove_seal]


@pytest.mark.parametrize("spoil", SPOILT)
def test_an_entry_that_is_not_whole_is_ignored_and_replaced(cache: Cache, spoil: object) -> None:
    """Half files, foreign folders and entries of another version."""
    spoil(cache.add("graphs", KEY, fill))  # type: ignore[operator]  # a function

    assert cache.find("graphs", KEY) is None
    cache.add("graphs", KEY, fill)

    entry = cache.find("graphs", KEY)
    assert entry is not None
    assert (entry / "model.onnx").read_text() == "graph"


def test_four_processes_at_once_make_one_entry(cache: Cache) -> None:
    """One fills it, the others wait and find it."""
    command = [sys.executable, "-c", _ADD_SLOWLY, str(cache.folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=60)[0] for process in running]

    assert [process.returncode for process in running] == [0] * 4
    assert sorted(said) == ["", "", "", "filled\n"]
    assert cache.find("statistics/head", KEY) is not None


def test_what_was_not_used_for_longest_makes_room(cache: Cache) -> None:
    """Finding an entry is using it."""
    small = Cache(folder=cache.folder, limit_bytes=2500)
    for age, key in enumerate("abc"):
        entry = cache.add("graphs", key, lambda into: (into / "weights").write_bytes(bytes(1000)))
        os.utime(entry / "entry.json", (age, age))
    small.find("graphs", "a")

    small.add("graphs", "d", lambda into: (into / "weights").write_bytes(bytes(1000)))

    assert small.keys("graphs") == ("a", "d")


def test_processes_that_make_room_at_once_do_not_fail(cache: Cache) -> None:
    """What one of them looks at another one may just have removed."""
    command = [sys.executable, "-c", _ADD_MANY, str(cache.folder)]

    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]

    assert [each.communicate(timeout=60)[1] for each in running] == [""] * 3


def test_an_entry_larger_than_the_limit_stays(cache: Cache) -> None:
    """It was just asked for."""
    Cache(folder=cache.folder, limit_bytes=1).add("graphs", KEY, fill)

    assert cache.find("graphs", KEY) is not None


def test_a_cache_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    """Name another place, or switch it off."""
    (tmp_path / "file").write_text("x")

    with pytest.raises(StorageError, match=r"LIGHTNING_TRT_CACHE.*cache='off'"):
        Cache(folder=tmp_path / "file").add("graphs", KEY, fill)


def test_a_setting_places_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the environment does."""
    monkeypatch.setenv("LIGHTNING_TRT_CACHE", "off")

    assert cache_at(str(tmp_path)) == Cache(folder=tmp_path)


def test_the_environment_places_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no setting does."""
    monkeypatch.setenv("LIGHTNING_TRT_CACHE", str(tmp_path))

    assert cache_at(None) == Cache(folder=tmp_path)


def test_without_both_the_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of our own among the user's caches."""
    monkeypatch.delenv("LIGHTNING_TRT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    found = cache_at(None)

    assert found is not None
    assert found.folder.name == "lightning-trt"


@pytest.mark.parametrize("place", ["off", "False", None], ids=["setting", "as YAML reads it", "environment"])
def test_the_cache_can_be_switched_off(place: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the setting, and by the environment."""
    monkeypatch.setenv("LIGHTNING_TRT_CACHE", "off")

    assert cache_at(place) is None
