"""Where results go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

    from lightning_trt.settings import ExportSettings

__all__ = ["is_in_sweep", "results_folder", "run_folder", "unmade_folder"]

_DIGEST_DIGITS = 8


def results_folder(settings: ExportSettings, trainer: Trainer | None = None) -> Path:
    """`dirpath`, else Hydra's output folder, else `trt` in the Trainer's log folder, or in the working folder.

    Every rank must call this: Lightning's `log_dir` is agreed on among them.
    """
    logged = None if trainer is None else trainer.log_dir or trainer.default_root_dir
    if settings.dirpath is not None:
        return settings.dirpath.absolute()
    hydra = _hydra()
    # A configuration that was composed, not run, has no folder.
    if hydra is not None and (folder := hydra.runtime.get("output_dir", None)) is not None:
        return Path(folder).absolute()
    return Path(logged or ".", "trt").absolute()


def run_folder(folder: Path, checkpoint: str | None, *, digest: str) -> Path:
    """Where the run of a checkpoint lies in `folder`; its path is None where the weights in memory are exported.

    Example:
        >>> from pathlib import Path
        >>> from lightning_trt.pipeline.folders import run_folder
        >>> run_folder(Path("trt"), "runs/best.ckpt", digest="1f0c7a3e55d0").name
        'best-1f0c7a3e'
    """
    return folder / f"{_stem(checkpoint)}-{digest[:_DIGEST_DIGITS]}"


def unmade_folder(folder: Path, checkpoint: str | None) -> Path:
    """Where the report of a run lies that never came to a folder of its own.

    Example:
        >>> from pathlib import Path
        >>> from lightning_trt.pipeline.folders import unmade_folder
        >>> unmade_folder(Path("trt"), "runs/best.ckpt").name
        'best-failed'
    """
    return folder / f"{_stem(checkpoint)}-failed"


def _stem(checkpoint: str | None) -> str:
    return "weights" if checkpoint is None else Path(checkpoint).name.removesuffix(".ckpt")


def is_in_sweep() -> bool:
    """Whether this is one point of a Hydra multirun."""
    hydra = _hydra()
    return hydra is not None and str(getattr(hydra.mode, "name", hydra.mode)) == "MULTIRUN"


def _hydra() -> Any | None:  # noqa: ANN401 - Hydra's configuration has no better type
    # Inside a Hydra app it is imported already; outside of one nobody shall pay for it.
    core = sys.modules.get("hydra.core.hydra_config")
    if core is None or not core.HydraConfig.initialized():
        return None
    return core.HydraConfig.get()
