"""`lightning-trt inspect`: what an engine is, what its layers compute in, and how long each of them takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from lightning_trt.cli.exits import Exit
from lightning_trt.cli.files import read_runs
from lightning_trt.cli.ranges import add_flag, show_ranges
from lightning_trt.errors import LightningTRTError, SettingsError
from lightning_trt.renderers import inspection, terminal

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Sequence

    from lightning_trt.artifacts import Engine
    from lightning_trt.runtime.layer_times import LayerTime

__all__ = ["add_to", "run"]


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Nothing; `commands` then has this one."""
    parser = commands.add_parser("inspect", help="show what an engine is, and time its layers", description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", help="folder of an engine, or of a run, whose engines are listed")
    parser.add_argument("--batch", type=int, metavar="N", help="batch size to time; 1 by default")
    parser.add_argument(
        "--axis", action="append", default=[], metavar="NAME=SIZE", help="size of another dynamic axis, e.g. tokens=128"
    )
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="runs to time the layers in; 0 for none")
    parser.add_argument("--top", type=int, default=15, metavar="N", help="layers, or tensors, to show")
    add_flag(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, with all layers")
    parser.set_defaults(run=run)


def run(asked: Namespace) -> Exit:
    """0; the engine is told, and the layers' times, or why there are none."""
    folder = Path(asked.folder)
    if asked.ranges:
        return show_ranges(folder, most=asked.top, as_json=asked.json)
    if (folder / "report.json").is_file():
        return _list_run(folder)
    engines = _engines(folder)
    told = [(engine, *_times(engine, asked)) for engine in engines]
    if asked.json:
        documents = [inspection.document(engine, seen, why_no_times=why) for engine, seen, why in told]
        print(inspection.to_text(documents))
        return Exit.ok
    console = Console(highlight=False)
    for engine, seen, why in told:
        console.print(inspection.about(engine))
        if engine.layers:
            console.print("", inspection.layers(engine), sep="\n")
        if seen:
            console.print("", inspection.times(seen, most=asked.top), sep="\n")
        if why:
            console.print(f"\nThe layers were not timed: {why}", soft_wrap=True, markup=False)
    return Exit.ok


def _list_run(folder: Path) -> Exit:
    """0; the run's candidates are printed, and how to inspect one."""
    (report,) = read_runs([str(folder)])
    console = Console(highlight=False)
    console.print(terminal.table(report))
    for candidate in report.candidates.values():
        if candidate.path is not None:
            console.print(f"lightning-trt inspect {folder / candidate.path}", soft_wrap=True, markup=False)
    return Exit.ok


def _engines(folder: Path) -> Sequence[Engine]:
    from lightning_trt.runtime import manifest  # noqa: PLC0415 - other commands start without it

    found = manifest.read(folder)
    manifest.check_files(found)
    return tuple(found.engines.values())


def _times(engine: Engine, asked: Namespace) -> tuple[Sequence[LayerTime], str | None]:
    """Times of the engine's layers, or why there are none."""
    if asked.runs < 1:
        return (), "--runs is 0."
    sizes = _sizes(asked)
    from lightning_trt import runtime  # noqa: PLC0415 - other commands start without it

    try:
        return runtime.profiled(engine, sizes=sizes, num_runs=asked.runs), None
    except LightningTRTError as error:
        return (), str(error)


def _sizes(asked: Namespace) -> dict[str, int]:
    """Sizes of dynamic axes by name, as they were typed."""
    sizes = {"batch": asked.batch} if asked.batch is not None else {}
    for typed in asked.axis:
        name, _, size = typed.partition("=")
        if not name or not size.isdecimal():
            raise SettingsError(
                f"--axis {typed} is no NAME=SIZE. Give a name and a whole number, e.g. --axis tokens=128."
            )
        sizes[name] = int(size)
    return sizes
