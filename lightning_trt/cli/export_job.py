"""One job of `lightning-trt export`: from its config to a report, or to one that is there already."""

from __future__ import annotations

import os
import re
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

import lightning_trt
from lightning_trt.cli.export_project import parts_of_project
from lightning_trt.errors import SettingsError, nearest
from lightning_trt.renderers import json
from lightning_trt.renderers.scalars import scalars
from lightning_trt.settings import OnGateFail, member, plain
from lightning_trt.storage import locked, sha256_of, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omegaconf import DictConfig

    from lightning_trt import ReferenceMemory
    from lightning_trt.artifacts import Report

__all__ = ["Objective", "run"]

Objective = float | tuple[float, ...] | None

_OF_THE_COMMAND = ("checkpoint", "module", "datamodule", "trust", "metrics", "predict", "objective", "sweep")
_OF_THE_SWEEP = ("objective", "sweep", "on_gate_fail")
_DONE = "done.yaml"


def run(config: DictConfig, *, memory: ReferenceMemory | None = None) -> Objective:
    """What the sweeper asked for, once the report is written; `memory` goes from one point to the next.

    Raises:
        GateFailedError: The gate said no, and `on_gate_fail` lets that raise.
        SettingsError: No checkpoint, or an objective that is no number of the report.
        LightningTRTError: What ended the export.
    """
    asked: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    is_point = HydraConfig.get().mode is RunMode.MULTIRUN
    if member(OnGateFail, asked["on_gate_fail"]) is OnGateFail.auto:
        # A point that fails its gate is a result, and its sweeper shall have the number.
        asked["on_gate_fail"] = OnGateFail.warn if is_point else OnGateFail.raises
    report = _point(asked, memory) if is_point else _exported(asked)
    return _objective(report, asked["objective"])


def _point(asked: Mapping[str, Any], memory: ReferenceMemory | None) -> Report:
    """The report of a point of a sweep, which an earlier sweep into the same folder may have left.

    Raises:
        SettingsError: The folder holds the results of another point.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    if asked["dirpath"] is not None:
        raise SettingsError(
            f"dirpath is {asked['dirpath']}, and each point of a sweep needs a folder of its own. Leave it out, and "
            "set the sweep's: hydra.sweep.dir=FOLDER."
        )
    kept = {name: value for name, value in asked.items() if name not in _OF_THE_SWEEP}
    said = yaml.safe_dump(plain({**kept, "sha256": _sha256(asked["checkpoint"])}))
    with locked(folder):
        done = folder / _DONE
        if done.is_file():
            return _found(folder, said=said, done=done.read_text(encoding="utf-8"))
        report = _exported(asked, memory)
        write_whole(done, said)
    return report


def _sha256(checkpoint: str | None) -> str | None:
    is_here = checkpoint is not None and "://" not in checkpoint and Path(checkpoint).is_file()
    return sha256_of(str(checkpoint)) if is_here else None


def _found(folder: Path, *, said: str, done: str) -> Report:
    if said != done:
        raise SettingsError(
            f"{folder} holds the results of another point, which stay. Give this sweep a folder of its own "
            "(hydra.sweep.dir=FOLDER), or repeat the overrides of the one that is there to resume it."
        )
    path = next(iter(sorted(folder.rglob("report.json"))))
    print(f"Already there, not run again: {path.parent}")
    return json.from_text(path.read_text(encoding="utf-8"), path)


def _exported(asked: Mapping[str, Any], memory: ReferenceMemory | None = None) -> Report:
    if asked["checkpoint"] is None:
        raise SettingsError("no checkpoint was given. Write `lightning-trt export CHECKPOINT`, or --help for more.")
    # The classes of a training are found from where it ran, as its script found them.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - a text, as in sys.path
    folder = _config_dir()
    project = parts_of_project(folder) if folder else {}
    options: Any = {name: value for name, value in asked.items() if name not in _OF_THE_COMMAND}
    with _plain_warnings():
        return lightning_trt.export_checkpoint(
            asked["checkpoint"],
            module={**project.get("module", {}), **asked["module"]},
            datamodule={**project.get("datamodule", {}), **asked["datamodule"]},
            trust=asked["trust"],
            metrics=asked["metrics"],
            predict=asked["predict"],
            memory=memory,
            **options,
        )


def _config_dir() -> Path | None:
    """The folder of --config-dir."""
    sources = HydraConfig.get().runtime.config_sources
    return next((Path(each.path) for each in sources if each.provider == "command-line"), None)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """With warnings as sentences: whoever types a command has no use for the line of code that they come from."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # speaks to those who write the code
        warnings.showwarning = lambda message, *_, **__: print(f"Warning: {message}", file=sys.stderr)
        yield


def _objective(report: Report, asked: Any) -> Objective:  # noqa: ANN401 - a name or several, as Hydra composed it
    if asked is None:
        return None
    if isinstance(asked, str):
        return _number(report, asked)
    return tuple(_number(report, each) for each in asked)


def _number(report: Report, pattern: str) -> float:
    known = scalars(report)
    # A star is any text without a slash: it stands for a candidate's name, or a part of it.
    expression = "[^/]*".join(map(re.escape, pattern.split("*")))
    found = [name for name in known if re.fullmatch(expression, name)]
    if len(found) != 1:
        several = f"means {len(found)} numbers of the report: {', '.join(found)}. Name one of them."
        raise SettingsError(
            f"objective {pattern!r} " + (several if found else f"is no number of the report. {nearest(pattern, known)}")
        )
    return known[found[0]]
