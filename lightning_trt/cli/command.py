"""The command line: which command was meant, and the exit code that comes of it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import lightning_trt
from lightning_trt.cli import (
    baseline,
    compare,
    completion,
    doctor,
    export,
    gate,
    inspect,
    report,
    reproduce,
    sign,
    triton,
)
from lightning_trt.cli.exits import Exit
from lightning_trt.errors import LightningTRTError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of `arguments`, or of what was typed; an error of ours is a sentence on stderr."""
    parser = _parser()
    completion.answer(parser)
    asked = parser.parse_args(arguments)
    try:
        return int(asked.run(asked))
    except LightningTRTError as error:
        sys.stderr.write(f"lightning-trt {asked.command}: {error}\n")
        return Exit.usage


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lightning-trt",
        description="Export finished checkpoints; gate, compare and inspect what exports left; say what works here.",
        epilog="`lightning-trt COMMAND --help` says more. For completion by the Tab key write in ~/.bashrc: "
        'eval "$(register-python-argcomplete lightning-trt)"',
    )
    parser.add_argument("--version", action="version", version=f"lightning-trt {lightning_trt.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for each in (export, gate, report, compare, baseline, inspect, reproduce, triton, sign, doctor):
        each.add_to(commands)
    return parser
