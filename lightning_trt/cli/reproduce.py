"""`lightning-trt reproduce`: the command that makes a run again."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.cli.exits import Exit
from lightning_trt.cli.export import quoted
from lightning_trt.cli.files import RUN_HELP, read_runs
from lightning_trt.errors import SettingsError
from lightning_trt.settings import ExportSettings, GateSettings, plain
from lightning_trt.storage import sha256_of, yaml_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Iterator, Mapping

    from lightning_trt.artifacts import Report

__all__ = ["add_to", "run"]

_OVERRIDES = Path(".hydra", "overrides.yaml")
_LEFT_OUT = {"dirpath", "on_error", "metrics", "predict"}
_GROUPS = {"precisions": "precision", "calibrators": "calibrator"}


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Nothing; `commands` then has this one."""
    parser = commands.add_parser("reproduce", help="print the command that makes a run again", description=__doc__)
    parser.add_argument("run_path", metavar="RUN", help=RUN_HELP)
    parser.set_defaults(run=run)


def run(asked: Namespace) -> Exit:
    """0; the command is printed, and on stderr what it cannot promise.

    Raises:
        SettingsError: The run is not of a checkpoint.
    """
    (report,) = read_runs([asked.run_path])
    if report.checkpoint.path is None:
        raise SettingsError(
            f"{report.path} is not of a checkpoint but of a module's own weights, which no command can find again. "
            "Save a checkpoint, and export that."
        )
    print(shlex.join(["lightning-trt", "export", report.checkpoint.path, *_overrides(report)]))
    for note in _notes(report):
        sys.stderr.write(f"{note}\n")
    return Exit.ok


def _overrides(report: Report) -> list[str]:
    """What the command was told, where the run is of one; else the settings that are not at their defaults."""
    told = report.path.parent / _OVERRIDES
    if told.is_file():
        try:
            words = yaml_of(told.read_text(encoding="utf-8")) or []
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"cannot read {told}: {error}. Remove it, and the report's settings are told."
            ) from error
        return [str(word) for word in words if not str(word).startswith("checkpoint=")]
    defaults = {**plain(ExportSettings()), "gate": plain(GateSettings())}
    return list(_changed(report.settings, defaults))


def _changed(said: Mapping[str, object], defaults: Mapping[str, object], *, above: str = "") -> Iterator[str]:
    for name, value in said.items():
        default = defaults.get(name)
        if value == default or name in _LEFT_OUT or (above == "" and name == "gate" and value is None):
            continue
        if isinstance(value, dict) and isinstance(default, dict) and default:
            yield from _changed(value, default, above=f"{above}{name}.")
        else:
            yield f"{above}{_GROUPS.get(name, name)}={_spelt(value)}"


def _spelt(value: object) -> str:
    """`value` in Hydra's grammar."""
    if isinstance(value, list):
        return f"[{','.join(map(_spelt, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_spelt(each)}' for key, each in value.items())}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) if not isinstance(value, str) or value.isidentifier() else quoted(value)


def _notes(report: Report) -> Iterator[str]:
    path = Path(str(report.checkpoint.path))
    if not path.is_file():
        yield f"{path} is not there (any more)."
    elif sha256_of(path) != report.checkpoint.sha256:
        yield f"{path} is another file by now: its digest is not the one in the report."
    if "predict" in report.settings:
        yield f"predict={report.settings['predict']} and metrics= scored it; add them where the command lacks them."
    its = report.environment
    yield (
        f"The run was made by lightning-trt {report.version} with {its.backend} {its.backend_version} and torch "
        f"{its.torch} on {its.device}."
    )
