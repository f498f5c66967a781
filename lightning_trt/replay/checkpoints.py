"""Weights of a checkpoint, into a copy of the module."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from lightning_fabric.utilities.cloud_io import _load

from lightning_trt.errors import CheckpointError
from lightning_trt.replay.copying import metrics_of

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule

__all__ = ["load"]

_LINES_SHOWN = 3


def load(module: LightningModule, path: Path | str, *, trust: bool) -> int | None:
    """Epoch of the checkpoint at `path`, whose weights `module` has now, as Lightning would load it; metrics are reset.

    Raises:
        CheckpointError: It is absent, sharded, unreadable, holds more than plain data without `trust`, or does not
            fit the module.
    """
    checkpoint = _read(path, trust=trust)
    if "state_dict" not in checkpoint:
        raise CheckpointError(f"{path} holds no state_dict; expected a checkpoint that Lightning wrote.")
    module.on_load_checkpoint(checkpoint)
    try:
        module.load_state_dict(checkpoint["state_dict"], strict=module.strict_loading)
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit {type(module).__name__}: {_misfits(error)}") from error
    for metric in metrics_of(module):
        metric.reset()
    epoch: int | None = checkpoint.get("epoch")
    return epoch


def _read(path: Path | str, *, trust: bool) -> dict[str, Any]:
    if Path(path).is_dir():
        raise CheckpointError(
            f"{path} is a folder: a sharded checkpoint of FSDP or DeepSpeed, which cannot be read as one. Write it as "
            "one file (FSDPStrategy(state_dict_type='full'), or lightning's consolidation script)."
        )
    try:
        read: dict[str, Any] = _load(path, map_location="cpu", weights_only=not trust)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"There is no checkpoint at {path}. Was it moved, or replaced by a better one?"
        ) from error
    except UnpicklingError as error:
        if trust:
            raise CheckpointError(f"{path} is no readable checkpoint: {type(error).__name__}: {error}") from error
        raise CheckpointError(
            f"{path} holds more than weights and plain data, which unpickling would run as code. If you trust whoever "
            "wrote it, say trust=True."
        ) from error
    except Exception as error:  # a damaged file ends torch's reading in many ways
        raise CheckpointError(f"{path} is no readable checkpoint: {type(error).__name__}: {error}") from error
    return read


def _misfits(error: RuntimeError) -> str:
    """Torch's first lines about missing, unexpected and misshapen names, as one sentence."""
    lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()] or [str(error)]
    more = f" And {len(lines) - _LINES_SHOWN} more." if len(lines) > _LINES_SHOWN else ""
    return f"{' '.join(lines[:_LINES_SHOWN])}{more} Give the module with the settings that it was trained with."
