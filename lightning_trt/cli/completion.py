"""What a shell may complete: commands, options and choices by argcomplete, runs by us, words of `export` by Hydra."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.cli.export import is_checkpoint

if TYPE_CHECKING:
    from argparse import Action, ArgumentParser, Namespace
    from collections.abc import Sequence

__all__ = ["answer", "runs"]


def answer(parser: ArgumentParser) -> None:
    """Nothing; where it is a shell that asks, it was told through argcomplete what may follow, and Python has ended."""
    if "_ARGCOMPLETE" in os.environ:
        from argcomplete import autocomplete  # noqa: PLC0415 - only a shell that asks needs it

        autocomplete(parser, default_completer=_completed)  # type: ignore[arg-type] # a function does as well


def runs(prefix: str) -> list[str]:
    """Folders that begin with `prefix`: of finished runs, and, with a slash behind them, others to look into."""
    typed = os.path.split(prefix)[0]
    folders = [each for each in sorted(Path(typed or ".").glob("*")) if each.is_dir()]
    named = [os.path.join(typed, each.name) + ("" if _is_run(each) else "/") for each in folders]  # noqa: PTH118 - as typed
    return [each for each in named if each.startswith(prefix)]


def _is_run(folder: Path) -> bool:
    return (folder / "report.json").is_file()


def _completed(prefix: str, *, action: Action, parsed_args: Namespace, **_: object) -> Sequence[str]:
    """What may stand for `action`, which has no choices of its own."""
    from argcomplete.completers import FilesCompleter  # noqa: PLC0415 - as above

    if action.metavar == "RUN":
        return runs(prefix)
    if action.dest == "words":
        return [*FilesCompleter(["ckpt"])(prefix), *_words(prefix, before=parsed_args.words or ())]
    return list(FilesCompleter()(prefix))


def _words(prefix: str, *, before: Sequence[str]) -> list[str]:
    """Hydra's options and overrides that begin with `prefix`; of several values the last one is completed."""
    from hydra._internal.utils import get_args_parser  # noqa: PLC0415 - slow to import

    if prefix.startswith("-"):
        return [option for action in get_args_parser()._actions for option in action.option_strings]  # noqa: SLF001
    from lightning_trt.cli.export_words import known  # noqa: PLC0415 - as above

    key, equals, values = prefix.partition("=")
    done = max(values.rfind(mark) for mark in ",[") + 1
    start = f"{key}{equals}"
    found = known(start + values[done:], before=[word for word in before if not is_checkpoint(word)])
    return [start + values[:done] + each.removeprefix(start) for each in found]
