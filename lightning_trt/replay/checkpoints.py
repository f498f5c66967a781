"""What is in a checkpoint: weights, for a copy of the module, and what its callbacks wrote down."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import fsspec
import torch
from torch import Tensor

from lightning_trt.errors import CheckpointError
from lightning_trt.replay.copying import metrics_of

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule

__all__ = ["Remembered", "load", "read", "states_of"]

_LINES_SHOWN = 3
_WHOLE = "It must be a whole file that Lightning wrote."
_MODE = re.compile(r"'mode': '(min|max)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a checkpoint knows of its training.

    `monitored` has the metrics that its ModelCheckpoints followed, the Trainer's first one first, each with its value
    when the checkpoint was written, or None; `modes` says of each whether they kept its `min` or its `max`.
    """

    epoch: int | None = None
    monitored: Mapping[str, float | None] = field(default_factory=dict)
    modes: Mapping[str, str] = field(default_factory=dict)

    @property
    def monitor(self) -> str | None:
        """The metric that was followed, or the first of several."""
        return next(iter(self.monitored), None)


def load(module: LightningModule, path: Path | str, *, trust: bool) -> Remembered:
    """What the checkpoint at `path` knows; `module` has its weights, as Lightning would load it, and metrics are reset.

    Raises:
        CheckpointError: It is absent, sharded, unreadable, holds more than plain data without `trust`, or does not
            fit the module.
    """
    checkpoint = read(path, trust=trust)
    if not isinstance(checkpoint.get("state_dict"), Mapping):
        raise CheckpointError(f"{path} holds no state_dict; expected a checkpoint that Lightning wrote.")
    module.on_load_checkpoint(checkpoint)
    try:
        module.load_state_dict(checkpoint["state_dict"], strict=module.strict_loading)
    except (RuntimeError, TypeError, AttributeError) as error:  # names or weights that are none at all
        raise CheckpointError(f"{path} does not fit {type(module).__name__}: {_misfits(error)}") from error
    for metric in metrics_of(module):
        metric.reset()
    callbacks, epoch = states_of(checkpoint), checkpoint.get("epoch")
    return Remembered(
        epoch=epoch if isinstance(epoch, int) else None, monitored=_monitored(callbacks), modes=_modes(callbacks)
    )


def states_of(checkpoint: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """States of the callbacks by their keys, as far as a checkpoint holds some."""
    states = checkpoint.get("callbacks")
    if not isinstance(states, Mapping):
        return {}
    return {key: state for key, state in states.items() if isinstance(key, str) and isinstance(state, Mapping)}


def read(path: Path | str, *, trust: bool) -> dict[str, Any]:
    """The checkpoint at `path` as Lightning wrote it.

    Raises:
        CheckpointError: It is absent, sharded, unreadable, or holds more than plain data without `trust`.
    """
    if Path(path).is_dir():
        raise CheckpointError(f"{path} is a folder: {_way_out_of(Path(path))}")
    try:
        with fsspec.open(str(path), "rb") as file:
            read: object = torch.load(file, map_location="cpu", weights_only=not trust)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"There is no checkpoint at {path}. Was it moved, or replaced by a better one?"
        ) from error
    except UnpicklingError as error:
        # Bytes that are no pickle at all hold nothing that anybody could trust.
        if trust or "Unsupported operand" in str(error):
            said = str(error).partition("\n")[0]
            raise CheckpointError(
                f"{path} is no readable checkpoint: {type(error).__name__}: {said}. {_WHOLE}"
            ) from error
        raise CheckpointError(
            f"{path} holds more than weights and plain data, which unpickling would run as code. If you trust whoever "
            "wrote it, say trust=True."
        ) from error
    except Exception as error:  # a damaged file ends torch's reading in many ways
        raise CheckpointError(f"{path} is no readable checkpoint: {type(error).__name__}: {error}. {_WHOLE}") from error
    if not isinstance(read, dict):
        raise CheckpointError(f"{path} holds a {type(read).__name__}, no checkpoint. {_WHOLE}")
    return read


def _way_out_of(folder: Path) -> str:
    """Who writes such a folder, and how it becomes one file; the layouts are those of Lightning's strategies."""
    if (folder / "meta.pt").is_file():
        return (
            "a sharded checkpoint of FSDP, and one file is needed. Write it with `python -m "
            f"pytorch_lightning.utilities.consolidate_checkpoint {shlex.quote(str(folder))}`, and export "
            f"{folder.name}.consolidated, which is then beside it; or train with FSDPStrategy(state_dict_type='full')."
        )
    if (folder / "latest").is_file() or (folder / "checkpoint").is_dir():
        return (
            "a sharded checkpoint of DeepSpeed, and one file is needed. Write it with "
            "pytorch_lightning.utilities.deepspeed.convert_zero_checkpoint_to_fp32_state_dict(FOLDER, FILE), and "
            "export FILE."
        )
    return "expected the file that ModelCheckpoint wrote."


def _monitored(callbacks: Mapping[str, Any]) -> dict[str, float | None]:
    """What the ModelCheckpoints among `callbacks`, which are states by key, say of themselves."""
    states = [state for state in callbacks.values() if state.get("monitor") and "best_model_score" in state]
    return {str(state["monitor"]): _number(state.get("current_score")) for state in states}


def _number(score: Any) -> float | None:
    is_number = isinstance(score, int | float) or (isinstance(score, Tensor) and score.numel() == 1)
    return float(score) if is_number else None


def _modes(callbacks: Mapping[str, Any]) -> dict[str, str]:
    """The mode of each ModelCheckpoint by its metric, which Lightning writes into the key of its state and no further.

    Where several follow one metric the first one counts, as among a Trainer's own.
    """
    found: dict[str, str] = {}
    for key, state in callbacks.items():
        mode = _MODE.search(key)
        if mode and "best_model_score" in state and state.get("monitor"):
            found.setdefault(str(state["monitor"]), mode[1])
    return found


def _misfits(error: Exception) -> str:
    """Torch's first lines about missing, unexpected and misshapen names, as one sentence."""
    lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()] or [str(error)]
    more = f" And {len(lines) - _LINES_SHOWN} more." if len(lines) > _LINES_SHOWN else ""
    return f"{' '.join(lines[:_LINES_SHOWN])}{more} Give the module with the settings that it was trained with."
