"""One job of `lightning-trt export`: from its config to a report, or to one that is there already."""

from __future__ import annotations

import os
import re
import sys
import warnings
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

import lightning_trt
from lightning_trt.artifacts import Verdict
from lightning_trt.cli.export_project import parts_of_project
from lightning_trt.errors import GateFailedError, SettingsError, nearest
from lightning_trt.precision import Precision
from lightning_trt.renderers import json
from lightning_trt.renderers.scalars import scalars
from lightning_trt.renderers.terminal import short_summary
from lightning_trt.settings import OnGateFail, member, members, plain
from lightning_trt.storage import locked, sha256_of, write_whole
from lightning_trt.sweeps import SAME, TOLD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omegaconf import DictConfig

    from lightning_trt.artifacts import Report

__all__ = ["Objective", "run"]

Objective = float | tuple[float, ...] | None

_OF_THE_COMMAND = ("checkpoint", "module", "datamodule", "trust", "metrics", "predict", "objective", "sweep")
_OF_THE_SWEEP = ("objective", "sweep", "on_gate_fail")
_DONE = "done.yaml"
_MONITOR = "{monitor}"
_BAD = {Verdict.failed, Verdict.error}
_PATIENCE_SECONDS = 24 * 60 * 60.0
"""Another process may be at work on the same point, or in the same folder."""


def run(config: DictConfig) -> Objective:
    """What the sweeper asked for, once the report is written.

    Raises:
        GateFailedError: The gate said no, and `on_gate_fail` lets that raise.
        SettingsError: No checkpoint, or an objective that is no number of the report.
        LightningTRTError: What ended the export.
    """
    asked: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    if HydraConfig.get().mode is not RunMode.MULTIRUN:
        if member(OnGateFail, asked["on_gate_fail"]) is OnGateFail.auto:
            asked["on_gate_fail"] = OnGateFail.raises
        return _objective(_exported(asked), asked["objective"])
    # A point that fails its gate is a result all the same, which is found again; its sweeper shall have the number.
    report = _point({**asked, "on_gate_fail": OnGateFail.warn})
    if member(OnGateFail, asked["on_gate_fail"]) is OnGateFail.raises and report.verdict in _BAD:
        raise GateFailedError(" ".join(short_summary(report)))
    return _objective(report, asked["objective"])


def _point(asked: Mapping[str, Any]) -> Report:
    """The report of a point of a sweep, which another point or an earlier sweep into the same folder may have left.

    Raises:
        SettingsError: The folder holds the results of another point.
    """
    hydra = HydraConfig.get()
    folder, sweep = Path(hydra.runtime.output_dir), Path(hydra.sweep.dir).absolute()
    if asked["dirpath"] is not None:
        raise SettingsError(
            f"dirpath is {asked['dirpath']}, and each point of a sweep needs a folder of its own. Leave it out, and "
            "set the sweep's: hydra.sweep.dir=FOLDER."
        )
    said = _said(asked)
    turn = sweep / sha256(said.encode()).hexdigest()[:16]
    with locked(turn, timeout_seconds=_PATIENCE_SECONDS), locked(folder, timeout_seconds=_PATIENCE_SECONDS):
        there = next((done.parent for done in sorted(sweep.rglob(_DONE)) if done.read_text("utf-8") == said), None)
        if there is not None:
            return _found(there, folder=folder, sweep=sweep)
        if (folder / _DONE).is_file():
            raise SettingsError(
                f"{folder} holds the results of another point, which stay. Give this sweep a folder of its own "
                "(hydra.sweep.dir=FOLDER), or repeat the overrides of the one that is there to resume it."
            )
        report = _exported(asked)
        (folder / SAME).unlink(missing_ok=True)
        write_whole(folder / TOLD, OmegaConf.to_yaml(hydra.overrides.task))
        write_whole(folder / _DONE, said)
    return report


def _said(asked: Mapping[str, Any]) -> str:
    """What a point is told, as far as its report depends on it: points that are told the same are one."""
    kept = {name: value for name, value in asked.items() if name not in _OF_THE_SWEEP}
    precisions = asked["precisions"]
    if precisions is not None and not any(each.is_quantized for each in members(Precision, precisions)):
        del kept["calibrators"]
    told: str = yaml.safe_dump(plain({**kept, "sha256": _sha256(asked["checkpoint"])}))
    return told


def _sha256(checkpoint: str | None) -> str | None:
    is_here = checkpoint is not None and "://" not in checkpoint and Path(checkpoint).is_file()
    return sha256_of(str(checkpoint)) if is_here else None


def _found(there: Path, *, folder: Path, sweep: Path) -> Report:
    """The report that is in the folder `there`, to which the point's own folder then refers."""
    path = next(iter(sorted(there.rglob("report.json"))))
    print(f"Already there, not run again: {path.parent}")
    if there != folder:
        write_whole(folder / SAME, there.relative_to(sweep).as_posix())
    return json.from_text(path.read_text(encoding="utf-8"), path)


def _exported(asked: Mapping[str, Any]) -> Report:
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
    pattern = pattern.replace(_MONITOR, report.checkpoint.monitor or _MONITOR)
    # A star is any text without a slash: it stands for a candidate's name, or a part of it.
    expression = "[^/]*".join(map(re.escape, pattern.split("*")))
    found = [name for name in known if re.fullmatch(expression, name)]
    if len(found) != 1:
        several = f"means {len(found)} numbers of the report: {', '.join(found)}. Name one of them."
        raise SettingsError(
            f"objective {pattern!r} " + (several if found else f"is no number of the report. {nearest(pattern, known)}")
        )
    return known[found[0]]
