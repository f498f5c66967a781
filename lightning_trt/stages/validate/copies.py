"""The copies that run side by side: the reference, every candidate, and the module as it was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.replay import copy_of, place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytorch_lightning import LightningModule
    from torch import nn

    from lightning_trt.replay import Subject

__all__ = ["AS_TRAINED", "REFERENCE", "copies_of"]

REFERENCE = "torch-fp32"
AS_TRAINED = "as trained"


def copies_of(subject: Subject, engines: Mapping[str, Mapping[str, nn.Module]]) -> dict[str, LightningModule]:
    """Copies by name, the reference first, each candidate's with its engines in place.

    `AS_TRAINED` is among them where the fit computed in another precision than fp32.
    """
    copies: dict[str, LightningModule] = {REFERENCE: copy_of(subject.module, share=True)}
    for name, placed in engines.items():
        copies[name] = copy_of(subject.module, share=True)
        for boundary, engine in placed.items():
            place(copies[name], boundary, engine)
    if str(subject.trainer.precision) != "32-true":
        copies[AS_TRAINED] = copy_of(subject.as_trained, share=True)
    return copies
