"""What Hydra calls while it sweeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.utils import JobStatus
from hydra.experimental.callback import Callback

from lightning_trt.settings import Require, member
from lightning_trt.storage import write_whole
from lightning_trt.sweeps.points import FAILURE
from lightning_trt.sweeps.standing import write

if TYPE_CHECKING:
    from hydra.core.utils import JobReturn
    from omegaconf import DictConfig

__all__ = ["Leaderboard"]


class Leaderboard(Callback):
    """A Hydra callback that keeps `leaderboard.json` and `.md` in a sweep's folder, after every job, and `.html`.

    After every job and not at the end alone: Hydra 1.3 does not tell of the end of a sweep in which a job failed, and
    any version's last jobs may be killed. The page, which is drawn, comes at the end, or once a job failed after each.

    Args:
        require: Which points must pass the gate for the sweep to pass: any or all.

    Example::

        hydra:
          callbacks:
            leaderboard:
              _target_: lightning_trt.sweeps.Leaderboard
    """

    def __init__(self, *, require: str = "any") -> None:
        self._require = member(Require, require)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: object) -> None:  # noqa: ARG002 - Hydra's
        """Nothing; the job's failure is written down, and of a sweep the standing."""
        folder = Path(config.hydra.runtime.output_dir)
        failure = folder / FAILURE
        if job_return.status is JobStatus.FAILED:
            write_whole(failure, _sentence(job_return))
        else:
            failure.unlink(missing_ok=True)
        if config.hydra.mode.name == "MULTIRUN":
            write(_sweep_of(config), require=self._require, is_over=False)

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None:  # noqa: ARG002 - Hydra's
        """Nothing; the standing is written."""
        write(_sweep_of(config), require=self._require)


def _sweep_of(config: DictConfig) -> Path:
    return Path(config.hydra.sweep.dir).absolute()


def _sentence(job_return: JobReturn) -> str:
    try:
        return f"returned {job_return.return_value!r}"
    except Exception as error:  # noqa: BLE001 - whatever ended the job
        return str(error) or type(error).__name__
