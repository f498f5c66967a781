"""What int8 costs a trained net on real pictures, by each of the four algorithms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from compat.nets import ON_CPU, Dataset
from torch import nn

from lightning_trt.compat.torch2trt import CalibrationAlgoType, torch2trt
from lightning_trt.inference import ScoreTest

if TYPE_CHECKING:
    from compat.conftest import Trained

LIMIT = 0.01


def right(model: nn.Module, trained: Trained) -> torch.Tensor:
    """Whether each test picture is recognised."""
    with torch.no_grad():
        logits = torch.cat([model(rows) for rows in trained.pictures.split(1000)])
    return logits.argmax(1) == trained.classes


@pytest.mark.filterwarnings("ignore:.*the same algorithm, finds the ranges")
@pytest.mark.parametrize("algorithm", CalibrationAlgoType, ids=lambda each: each.name)
def test_accuracy_is_kept_within_the_interval(algorithm: CalibrationAlgoType, trained: Trained) -> None:
    """The 95 % interval of the paired drop over 10,000 test pictures lies within one point."""
    model_trt = torch2trt(
        trained.model,
        [trained.seen[:1]],
        int8_mode=True,
        int8_calib_dataset=Dataset(trained.seen),
        int8_calib_algorithm=algorithm,
        int8_calib_batch_size=32,
        max_batch_size=1000,
        **ON_CPU,
    )

    before, after = right(trained.model, trained), right(model_trt, trained)
    test = ScoreTest(n=len(before), worse=int((before & ~after).sum()), better=int((~before & after).sum()))
    assert before.float().mean() > 0.8
    assert test.interval(0.025)[1] <= LIMIT
