"""Checkpoints: a zip of a pickle and of tensors, loaded without the trust of whoever gives them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from security.odd_bytes import odd_bytes
from security.odd_trees import odd_value
from torch import nn

from lightning_trt.replay import checkpoints

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

__all__ = ["Checkpoints"]


class _Net(nn.Module):
    """As much of a LightningModule as loading asks for."""

    strict_loading = True

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Nothing."""


class _Payload:
    """A pickle that leaves a file where it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (str(self.path),)


@dataclass(frozen=True)
class Checkpoints:
    """Read, and loaded into the module that it is of."""

    home: Path

    @classmethod
    def of(cls, home: Path) -> Checkpoints:
        """Of a net of one layer."""
        return cls(home=home)

    def spoil(self, into: Path, rng: Random) -> str:
        path = into / "best.ckpt"
        whole = _whole()
        way = rng.choice(("bytes", "bytes", "bytes", "value", "value", "pickle"))
        if way == "pickle":
            whole["callbacks"] = _Payload(self.home / "outside" / "ran")
        said, document = _odd_document(whole, rng) if way == "value" else ("", whole)
        torch.save(document, path)
        if way == "bytes":
            said, content = odd_bytes(path.read_bytes(), rng)
            path.write_bytes(content)
        return f"{way}: {said}"

    def read(self, folder: Path) -> str:
        net = _Net()
        checkpoints.load(net, folder / "best.ckpt", trust=False)  # type: ignore[arg-type]  # as much of one as it asks for
        net.layer(torch.zeros(1, 3))
        return "loaded"


def _whole() -> dict[str, Any]:
    return {
        "epoch": 3,
        "state_dict": _Net().state_dict(),
        "callbacks": {"ModelCheckpoint{'mode': 'max'}": {"monitor": "val/acc", "best_model_score": 1.0}},
        "hyper_parameters": {"width": 8},
    }


def _odd_document(whole: dict[str, Any], rng: Random) -> tuple[str, Any]:
    said, odd = odd_value(rng)
    odd = rng.choice((odd, torch.zeros(1).expand(1 << 40), torch.ones(2, 2), {3: odd}, {"x": odd}, {"monitor": odd}))
    place = rng.choice(("document", "epoch", "state_dict", "weight", "callbacks", "state", "score", "gone"))
    states = whole["callbacks"]
    if place == "document":
        return said, odd
    if place == "weight":
        whole["state_dict"]["layer.weight"] = odd
    elif place == "state":
        states[next(iter(states))] = odd
    elif place == "score":
        states[next(iter(states))] |= {"monitor": "val/acc", "best_model_score": 1.0, "current_score": odd}
    elif place == "gone":
        del whole[rng.choice(list(whole))]
    else:
        whole[place] = odd
    return f"{said} as {place}", whole
