"""Files and folders appear whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lightning_trt.errors import StorageError
from lightning_trt.storage import check_writable, clean_leftovers, reserved, whole_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def names_in(folder: Path) -> list[str]:
    """Every name in `folder`, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def run(code: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    """A finished Python process that ran `code`."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def write_half_and_raise(path: Path, error: BaseException) -> None:
    """Nothing: `error` ends the block in the middle of writing."""
    with whole_folder(path) as folder:
        (folder / "half.engine").write_text("ha")
        raise error


@pytest.mark.parametrize("content", ["Größe 5 µs\n", b"\x00\xff\r\n"], ids=["text", "bytes"])
def test_write_whole_writes_what_it_was_given(tmp_path: Path, content: str | bytes) -> None:
    """Text is UTF-8, bytes are themselves, and newlines stay as they are."""
    path = tmp_path / "new" / "report.json"

    write_whole(path, content)

    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)


def test_write_whole_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    """After a second write only the second content is there."""
    path = write_whole(tmp_path / "report.json", "a longer first text")

    write_whole(path, "second")

    assert (path.read_text(), names_in(tmp_path)) == ("second", ["report.json"])


def test_write_whole_keeps_a_link_a_link(tmp_path: Path) -> None:
    """The file that a link points to is replaced, not the link."""
    target = write_whole(tmp_path / "real.json", "old")
    link = tmp_path / "link.json"
    link.symlink_to(target)

    write_whole(link, "new")

    assert (link.is_symlink(), target.read_text()) == (True, "new")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permission bits")
def test_write_whole_gives_the_permissions_of_an_ordinary_file(tmp_path: Path) -> None:
    """Others may read a report as far as the umask lets them."""
    ordinary = tmp_path / "ordinary"
    ordinary.write_text("x")

    path = write_whole(tmp_path / "report.json", "x")

    assert path.stat().st_mode == ordinary.stat().st_mode


@pytest.mark.parametrize("write", [lambda path: write_whole(path, "x"), check_writable], ids=["file", "folder"])
def test_a_file_where_a_folder_should_be_is_a_storage_error(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    """The sentence names the path and says what to do."""
    (tmp_path / "engines").write_text("I am a file")

    with pytest.raises(StorageError, match=r"cannot write .*run: .*engines is a file.*choose another one \(dirpath="):
        write(tmp_path / "engines" / "run")


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
def test_a_write_that_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """A real write error in the middle of the bytes: the old content stands."""
    path = write_whole(tmp_path / "report.json", "old")
    code = (
        "import resource, sys; from lightning_trt.storage import write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "write_whole(sys.argv[1], b'x' * 100_000)"
    )

    finished = run(code, path)

    assert "StorageError: cannot write" in finished.stderr
    assert (path.read_text(), names_in(tmp_path)) == ("old", ["report.json"])


def test_reserved_bytes_are_on_the_disk_until_the_block_ends(tmp_path: Path) -> None:
    """Then what comes after it has their room."""
    with reserved(tmp_path, num_bytes=10_000):
        held = sum(path.stat().st_size for path in tmp_path.iterdir())

    assert (held, names_in(tmp_path)) == (10_000, [])


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
def test_less_room_than_is_reserved_is_a_storage_error(tmp_path: Path) -> None:
    """Before the block begins, and nothing is left of the try."""
    code = (
        "import resource, sys; from lightning_trt.storage import reserved\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "with reserved(sys.argv[1]): print('began')"
    )

    finished = run(code, tmp_path)

    assert "StorageError: cannot write" in finished.stderr
    assert (finished.stdout, names_in(tmp_path)) == ("", [])


def test_whole_folder_appears_at_the_end_only(tmp_path: Path) -> None:
    """While it is written nothing stands at its path."""
    path = tmp_path / "int8-mse"

    with whole_folder(path) as folder:
        (folder / "manifest.json").write_text("{}")
        seen_while_writing = path.exists()

    assert (seen_while_writing, names_in(path), names_in(tmp_path)) == (False, ["manifest.json"], ["int8-mse"])


def test_whole_folder_replaces_the_old_one_as_a_whole(tmp_path: Path) -> None:
    """Nothing of the old folder remains in the new one."""
    path = tmp_path / "fp16"
    path.mkdir()
    (path / "old.engine").write_text("old")

    with whole_folder(path) as folder:
        (folder / "model.engine").write_text("new")

    assert (names_in(path), names_in(tmp_path)) == (["model.engine"], ["fp16"])


@pytest.mark.parametrize("error", [RuntimeError("build failed"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
def test_whole_folder_is_removed_when_the_block_raises(tmp_path: Path, error: BaseException) -> None:
    """The exception passes as it is, and the old folder stands."""
    path = tmp_path / "fp16"
    path.mkdir()
    (path / "old.engine").write_text("old")

    with pytest.raises(type(error)):
        write_half_and_raise(path, error)

    assert (names_in(path), names_in(tmp_path)) == (["old.engine"], ["fp16"])


def test_whole_folder_does_not_replace_a_file(tmp_path: Path) -> None:
    """A file of that name is the user's: it stays, and the sentence says so."""
    path = write_whole(tmp_path / "fp16", "mine")

    with pytest.raises(StorageError, match="is a file; a folder was to be written there"), whole_folder(path):
        pass

    assert (path.read_text(), names_in(tmp_path)) == ("mine", ["fp16"])


def test_check_writable_creates_the_folder_and_leaves_it_empty(tmp_path: Path) -> None:
    """The trial file is gone again."""
    folder = check_writable(tmp_path / "a" / "b")

    assert names_in(folder) == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_killed_writer_leaves_only_what_cleaning_removes(tmp_path: Path) -> None:
    """The old folder stands after a kill in the middle, and the dead writer's temporary folder is found and removed."""
    path = tmp_path / "fp16"
    path.mkdir()
    (path / "old.engine").write_text("old")
    code = (
        "import os, signal, sys; from lightning_trt.storage import whole_folder\n"
        "with whole_folder(sys.argv[1]) as folder:\n"
        "    (folder / 'half.engine').write_text('ha')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )

    finished = run(code, path)
    num_before = len(names_in(tmp_path))
    removed = clean_leftovers(tmp_path)

    assert (finished.returncode, num_before, len(removed)) == (-signal.SIGKILL, 2, 1)
    assert (names_in(tmp_path), names_in(path)) == (["fp16"], ["old.engine"])


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_folder_that_a_killed_writer_had_moved_aside_comes_back(tmp_path: Path) -> None:
    """Killed between the two renames: cleaning restores the old folder."""
    path = tmp_path / "fp16"
    path.mkdir()
    (path / "old.engine").write_text("old")
    code = (
        "import os, signal, sys; from lightning_trt.storage import whole, whole_folder\n"
        "whole._sync_all = lambda folder: setattr(type(folder), 'rename', lambda old, new: (\n"
        "    os.rename(old, new), os.kill(os.getpid(), signal.SIGKILL)))\n"
        "with whole_folder(sys.argv[1]): pass"
    )

    finished = run(code, path)
    stood_before = path.exists()
    clean_leftovers(tmp_path)

    assert (finished.returncode, stood_before) == (-signal.SIGKILL, False)
    assert (names_in(tmp_path), names_in(path)) == (["fp16"], ["old.engine"])


def test_cleaning_leaves_the_living_and_the_foreign_alone(tmp_path: Path) -> None:
    """What a living process writes, what another host wrote, and what only looks alike stays."""
    (tmp_path / ".vimrc.partial").write_text("x")
    (tmp_path / f".fp16.00000000-{2**22 + 1}-00000000.partial").write_text("another host's")

    with whole_folder(tmp_path / "fp16") as folder:
        removed = clean_leftovers(tmp_path)
        still_there = folder.exists()

    assert (removed, still_there, len(names_in(tmp_path))) == ((), True, 3)


def test_cleaning_a_folder_that_is_not_there_finds_nothing(tmp_path: Path) -> None:
    """No folder, no leftovers."""
    assert clean_leftovers(tmp_path / "nowhere") == ()
