"""The long work's display: bars where they can be, lines elsewhere, nothing where it must not speak."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import time

import pytest
from rich.console import Console

from lightning_trt import progress as progress_module
from lightning_trt.progress import Progress, terminal_is_live


def plain(lines: io.StringIO) -> Progress:
    """A Progress without a live terminal that writes to `lines`."""
    return Progress(speaks=True, is_live=False, console=Console(file=lines, width=40))


def live(screen: io.StringIO) -> Progress:
    """A Progress on a live terminal that writes to `screen`."""
    return Progress(speaks=True, is_live=True, console=Console(file=screen, width=100, force_terminal=True))


def words(text: str) -> str:
    """`text` without the terminal's control sequences, times as `T`."""
    return re.sub(r"\d+\.\d s", "T", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text))


def in_terminal(code: str) -> tuple[int, str]:
    """Exit status and screen of Python code that runs in a real pseudo-terminal."""
    ours, theirs = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key not in {"CI", "NO_COLOR"}}
    command = [sys.executable, "-c", code]
    child = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**environment, "TERM": "xterm-256color"}
    )
    os.close(theirs)
    screen = b""
    while chunk := _read(ours):
        screen += chunk
    os.close(ours)
    return child.wait(timeout=60), screen.decode(errors="replace")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says EIO when the other end is closed
        return b""


def test_plain_lines_say_beginning_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """No control sequences, no wrapping at the width of a log."""
    monkeypatch.setattr(progress_module, "_SHORT_SECONDS", 0.0)
    lines = io.StringIO()

    with plain(lines).step("Calibrating int8-percentile and int8-minmax", total=1512) as advance:
        advance(1512)

    title = "Calibrating int8-percentile and int8-minmax"
    assert words(lines.getvalue()) == f"{title} (1,512) ...\n{title}: done in T\n"
    assert "\x1b" not in lines.getvalue()


def test_a_short_step_is_one_plain_line() -> None:
    """What ends at once needs no line that says so."""
    lines = io.StringIO()

    with plain(lines).step("Building fp32 (1 of 3)"):
        pass

    assert lines.getvalue() == "Building fp32 (1 of 3) ...\n"


def test_plain_lines_go_on_in_long_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log shows that the work is alive."""
    monkeypatch.setattr(progress_module, "_PLAIN_SECONDS", 0.0)
    lines = io.StringIO()

    with plain(lines).step("Validating", total=4) as advance:
        advance(1)
        advance(2)

    assert words(lines.getvalue()).splitlines()[1:3] == ["Validating: 1 of 4 after T", "Validating: 3 of 4 after T"]


def test_plain_lines_go_on_where_nothing_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build is one call of minutes: a log shows that it is alive."""
    monkeypatch.setattr(progress_module, "_PLAIN_SECONDS", 0.05)
    lines = io.StringIO()

    with plain(lines).step("Building fp16 (1 of 3)"):
        time.sleep(0.3)

    assert "Building fp16 (1 of 3): still at work after T" in words(lines.getvalue()).splitlines()


def test_a_step_that_raises_is_said_to_have_stopped() -> None:
    """The exception passes, and the line does not claim success."""
    lines = io.StringIO()

    with pytest.raises(RuntimeError, match="no kernel"), plain(lines).step("Building bf16"):
        raise RuntimeError("no kernel")

    assert words(lines.getvalue()) == "Building bf16 ...\nBuilding bf16: stopped in T\n"


@pytest.mark.parametrize("is_live", [True, False], ids=["live", "plain"])
def test_a_rank_that_does_not_speak_prints_nothing(is_live: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Not a byte, on a live terminal neither."""
    screen = io.StringIO()
    quiet = Progress(speaks=False, is_live=is_live, console=Console(file=screen, force_terminal=True))

    with quiet.step("Calibrating", total=2) as advance:
        advance(2)
        quiet.say("a note")

    assert screen.getvalue() == ""


def test_a_live_step_shows_a_bar_and_leaves_one_line() -> None:
    """The bar with its count is drawn, removed, and the result stands."""
    screen = io.StringIO()

    with live(screen).step("Calibrating", total=512) as advance:
        advance(128)

    text = words(screen.getvalue())
    assert "128 of 512" in text
    assert text.rstrip().endswith("Calibrating: done in T")


def test_steps_within_steps_share_the_display() -> None:
    """A second bar, no second display that would be in the way of the first."""
    screen = io.StringIO()
    progress = live(screen)

    with progress.step("Candidates", total=2) as advance, progress.step("Building fp16"):
        advance(1)

    text = words(screen.getvalue())
    assert "Building fp16: done in T" in text
    assert text.rstrip().endswith("Candidates: done in T")


def test_brackets_in_a_title_are_text() -> None:
    """Rich's markup in a candidate's name neither styles nor raises."""
    screen = io.StringIO()

    with live(screen).step("Building [/red]x", total=1) as advance:
        advance(1)

    assert "Building [/red]x" in words(screen.getvalue())


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_a_log_is_no_live_terminal(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """CI and dumb terminals get plain lines, even where stderr is a terminal."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    was_live = terminal_is_live()

    monkeypatch.setenv(name, value)

    assert (was_live, terminal_is_live()) == (True, False)


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars are drawn, and no code for a colour is sent."""
    monkeypatch.setenv("NO_COLOR", "1")
    screen = io.StringIO()

    with live(screen).step("Calibrating", total=2) as advance:
        advance(1)

    assert "1 of 2" in words(screen.getvalue())
    assert re.findall(r"\x1b\[[0-9;]*3[0-9;]*m", screen.getvalue()) == []


_FIT = """
import logging, warnings
warnings.simplefilter("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
import torch
from torch.utils.data import DataLoader
import pytorch_lightning as pl
from pytorch_lightning.callbacks import RichProgressBar, TQDMProgressBar
from pytorch_lightning.demos.boring_classes import BoringModel, RandomDataset
from lightning_trt.progress import Progress, terminal_is_live

class Work(pl.Callback):
    def on_fit_end(self, trainer, module):
        progress = Progress(speaks=trainer.is_global_zero, is_live=terminal_is_live())
        with progress.step("Calibrating", total=3) as advance:
            for _ in DataLoader(RandomDataset(32, 3), num_workers=1):
                print("user prints")
                advance(1)
        with progress.step("Building"):
            pass

pl.Trainer(max_epochs=1, limit_train_batches=2, limit_val_batches=2, logger=False, enable_checkpointing=False,
           enable_model_summary=False, accelerator="cpu", callbacks=[BAR(), Work()]).fit(BoringModel())
print("the end")
"""


@pytest.mark.parametrize("bar", ["RichProgressBar", "TQDMProgressBar"])
def test_it_gets_along_with_lightnings_bars(bar: str) -> None:
    """In a real terminal, after a real fit, with forked workers and prints of the user's: all lines stand whole."""
    status, screen = in_terminal(_FIT.replace("BAR", bar))

    lines = [line.strip() for line in re.split(r"[\r\n]+", words(screen)) if line.strip()]
    assert (status, lines.count("user prints"), lines[-1]) == (0, 3, "the end")
    assert {"Calibrating: done in T", "Building: done in T"} <= set(lines)
