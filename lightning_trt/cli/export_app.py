"""The Hydra application behind `lightning-trt export`, and what its end means for the exit code."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.utils import setup_globals
from hydra.errors import CompactHydraException
from omegaconf import OmegaConf
from rich.console import Console

from lightning_trt import hydra_schema
from lightning_trt.cli import export_job
from lightning_trt.cli.exits import Exit
from lightning_trt.cli.export_plugins import why_no_plugin
from lightning_trt.errors import EnvironmentNotReadyError, GateFailedError, LightningTRTError, SettingsError
from lightning_trt.renderers import leaderboard
from lightning_trt.settings import Require, member
from lightning_trt.sweeps import write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omegaconf import DictConfig

__all__ = ["JobFailedError", "run"]

_SWEEP_DIR = "hydra.sweep.dir="
_REQUIRE = "sweep.require="


class JobFailedError(CompactHydraException):
    """A job failed with a sentence of ours, which Hydra prints without a stack trace."""


def run(words: Sequence[str]) -> Exit:
    """What came of `words`, which Hydra reads: one export, a sweep of them, or an answer to a question."""
    if why_not := why_no_plugin(words):
        sys.stderr.write(f"lightning-trt export: {why_not}\n")
        return Exit.environment
    sweep = _sweep_of(words)
    if sweep is None:
        return _ran(words)
    kept = [word for word in words if not word.startswith(_SWEEP_DIR)]
    code = _ran([*kept, f"{_SWEEP_DIR}{sweep}"])
    return _end_of_sweep(sweep, words) if any(sweep.rglob("overrides.yaml")) else code


def _ran(words: Sequence[str]) -> Exit:
    """The exit code of the last job that ended in this process, or Hydra's own where it started none."""
    ended: list[Exit] = []
    hydra_schema.store()

    def job(config: DictConfig) -> export_job.Objective:
        try:
            objective = export_job.run(config)
        except LightningTRTError as error:
            ended.append(_exit_of_error(error))
            raise JobFailedError(f"{type(error).__name__}: {error}") from error
        except Exception:
            ended.append(Exit.failed)
            raise
        ended.append(Exit.ok)
        return objective

    before = sys.argv
    sys.argv = ["lightning-trt export", *words]
    try:
        hydra.main(config_path="pkg://lightning_trt.conf", config_name="export", version_base="1.3")(job)()
    except SystemExit as end:
        # Hydra's own exit code for an override that it does not take is 1, which is that of a failed gate here.
        if end.code and not ended:
            ended.append(Exit.usage)
    finally:
        sys.argv = before
    return ended[-1] if ended else Exit.ok


def _exit_of_error(error: Exception) -> Exit:
    if isinstance(error, SettingsError):
        return Exit.usage
    if isinstance(error, EnvironmentNotReadyError):
        return Exit.environment
    return Exit.gate_failed if isinstance(error, GateFailedError) else Exit.failed


def _sweep_of(words: Sequence[str]) -> Path | None:
    """The folder of the sweep that `words` ask for, which is known before it runs: its end is read from there."""
    asked = get_args_parser().parse_known_args(list(words))[0]
    if not asked.multirun and "hydra.mode=MULTIRUN" not in asked.overrides:
        return None
    given = next((word.removeprefix(_SWEEP_DIR) for word in words if word.startswith(_SWEEP_DIR)), None)
    if given is None:
        return Path("multirun", datetime.now(timezone.utc).astimezone().strftime("%Y-%m-%d/%H-%M-%S")).absolute()
    setup_globals()  # Hydra's resolvers, for what a person may write into it: ${now:%Y-%m-%d}
    return Path(str(OmegaConf.create({"dir": given.strip("'\"")}).dir)).absolute()


def _end_of_sweep(sweep: Path, words: Sequence[str]) -> Exit:
    """What the points say, whatever Hydra's launcher said of them; the table is printed."""
    require = next((word.removeprefix(_REQUIRE) for word in words if word.startswith(_REQUIRE)), Require.any)
    standing = write(sweep, require=member(Require, require))
    console = Console(highlight=False)
    console.print(leaderboard.table(standing.entries, standing.failures, passes=standing.passes))
    for failure in standing.failures:
        console.print(f"Point {failure.point} failed: {failure.why}", soft_wrap=True, markup=False)
    page = next(each for each in (sweep / "leaderboard.html", sweep / "leaderboard.md") if each.is_file())
    console.print(f"Written: {page}", soft_wrap=True, markup=False)
    return Exit.ok if standing.passes else Exit.gate_failed
