"""A boundary that the module has not is refused before the first training step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from zoo.classifier import Classifier
from zoo.data import Images
from zoo.trainers import quiet_trainer

from lightning_trt import TRTExportCallback
from lightning_trt.callbacks.early import check_boundary
from lightning_trt.errors import BoundaryNotFoundError

if TYPE_CHECKING:
    from pathlib import Path


class Untrained(Classifier):
    """A module whose training must not begin."""

    def training_step(self, *_args: object) -> None:
        """Never called."""
        raise AssertionError


class Configured(Untrained):
    """One that makes a part of its own only when the Trainer asks for it."""

    def configure_model(self) -> None:
        """Add a head."""
        self.head = nn.Linear(1, 1)


def refusal(module: Classifier, root: Path, *, boundary: str) -> str:
    """The sentence with which the fit ends."""
    callback = TRTExportCallback(boundary=boundary, dirpath=root / "trt")
    with pytest.raises(BoundaryNotFoundError) as refused:
        quiet_trainer(root, callbacks=[callback]).fit(module, datamodule=Images())
    return str(refused.value)


def test_a_mistyped_boundary_is_refused_before_training(tmp_path: Path) -> None:
    """The sentence names the module."""
    assert "Untrained has no submodule 'modle' to export." in refusal(Untrained(), tmp_path, boundary="modle")


def test_a_part_that_is_configured_late_is_known(tmp_path: Path) -> None:
    """It is looked for after configure_model."""
    assert "Did you mean 'head'?" in refusal(Configured(), tmp_path, boundary="haed")


@pytest.mark.parametrize("name", ["0", "1.0", ""])
def test_a_compiled_part_keeps_its_name(name: str) -> None:
    """As the copy has it, that is exported."""
    inner = torch.compile(nn.Sequential(nn.ReLU()), backend="eager")

    check_boundary(nn.Sequential(nn.ReLU(), inner), [name])  # type: ignore[arg-type]
