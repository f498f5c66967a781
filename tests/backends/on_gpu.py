"""What the tests of TensorRT on a GPU share: whether they can run, dataset items, and how far an engine is off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from backends.engines import net

from lightning_trt.backends.tensorrt import TensorRT
from lightning_trt.errors import BackendNotAvailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lightning_trt.artifacts import Engine

__all__ = ["Item", "error_of", "images", "items", "needs_tensorrt"]


def _why_not() -> str:
    try:
        TensorRT()
    except BackendNotAvailableError as error:
        return str(error)
    return ""


_WHY_NOT = _why_not()
needs_tensorrt = [pytest.mark.gpu, pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One dataset item, as a calibration pass captures it."""

    inputs: tuple[Tensor, ...]


def images(samples: int) -> dict[str, Tensor]:
    """Inputs of the residual net, on the GPU."""
    return {"input_0": net("residual").call(samples)[0][0].cuda()}


def items(samples: int) -> Iterator[Item]:
    """Single images of the residual net."""
    return (Item(inputs=(image[None],)) for image in net("residual").call(samples)[0][0])


def error_of(engine: Engine, samples: int = 8) -> float:
    """Relative error against the residual net."""
    with TensorRT().open(engine) as session:
        result = session(images(samples))["output_0"].cpu()
    answer = net("residual").answer(samples)
    return float((result - answer).norm() / answer.norm())
