"""`lightning-trt doctor`: what is installed, which precision each backend gives here, and for each no why."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from lightning_trt import backends
from lightning_trt.cli.diagnosis import diagnosed
from lightning_trt.cli.exits import Exit
from lightning_trt.errors import SettingsError, nearest
from lightning_trt.renderers import platforms
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Iterator

    from lightning_trt.cli.diagnosis import BackendHere, Diagnosis

__all__ = ["add_to", "run"]


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Nothing; `commands` then has this one."""
    parser = commands.add_parser("doctor", help="say what can be built here, and why not", description=__doc__)
    parser.add_argument("--backend", metavar="NAME", help="exit with 4 where this backend cannot work here")
    parser.add_argument("--platforms", action="store_true", help="show which device has which precision instead")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="with --platforms, write that as a page")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(asked: Namespace) -> Exit:
    """0, or 4 where the asked backend cannot work; what is here is printed."""
    if asked.platforms:
        _show_platforms(asked)
        return Exit.ok
    if asked.markdown is not None:
        raise SettingsError("--markdown writes the page of --platforms. Give both, or --json.")
    if asked.backend is not None and asked.backend not in backends.names():
        raise SettingsError(f"{asked.backend!r} is not a backend. {nearest(asked.backend, backends.names())}")
    found = diagnosed()
    print(json.dumps(asdict(found), indent=2) if asked.json else "\n".join(_told(found)))
    return Exit.environment if asked.backend and found.backends[asked.backend].why_not else Exit.ok


def _show_platforms(asked: Namespace) -> None:
    if asked.markdown is not None:
        write_whole(asked.markdown, platforms.markdown())
    elif asked.json:
        print(json.dumps(platforms.plain(), indent=2))
    else:
        Console(highlight=False).print(platforms.table())


def _told(found: Diagnosis) -> Iterator[str]:
    yield f"lightning-trt {found.version}, Python {found.python}, {found.system}"
    for each in found.devices:
        yield f"GPU            {each.name}, compute capability {each.compute_capability}, {each.memory}"
        yield f"driver         {each.driver}, for CUDA up to {found.cuda or 'unknown'}"
    if not found.devices:
        yield "GPU            none: nvidia-smi finds no GPU, or there is no driver"
    for name, version in found.packages.items():
        yield f"{name:<14} {version or 'not installed'}"
    for name, backend in found.backends.items():
        yield ""
        yield from _told_of_backend(name, backend)


def _told_of_backend(name: str, backend: BackendHere) -> Iterator[str]:
    if backend.why_not is not None:
        yield f"backend {name}: no. {backend.why_not}"
        return
    gives = [precision for precision, why_not in backend.precisions.items() if why_not is None]
    runs = "" if backend.why_not_run is None else f" Builds alone: {backend.why_not_run}"
    yield f"backend {name} {backend.version}: {', '.join(gives)}.{runs}"
    for precision, why_not in backend.precisions.items():
        if why_not is not None:
            yield f"  {precision}: no. {why_not}"
