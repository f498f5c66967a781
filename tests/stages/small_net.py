"""A net of two layers as text, whose calibration takes no time, and its samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx.parser
import onnx_ir as ir
import torch

from lightning_trt.artifacts import BATCH, Boundary, OnnxGraph, Structure, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

__all__ = ["Sample", "Samples", "graph_of", "inputs_of"]

_TEXT = """
<ir_version: 8, opset_import: ["" : 18]> g (float[batch, 4] x) => (float[batch, 2] y)
<float[4, 3] w = {{1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, {last}}}, float[3, 2] v = {{1, 2, 3, 4, 5, 6}}>
{{ a = MatMul(x, w)  b = Relu(a)  y = MatMul(b, v) }}
"""


@dataclass(frozen=True)
class Sample:
    """What reached the boundary for one item; without Lightning, so that a fresh process has it soon."""

    boundary: str
    index: int
    inputs: tuple[Tensor, ...]


def graph_of(*, last: float = 12.0) -> OnnxGraph:
    """The net; `last` is one of its weights."""
    nothing = Structure(kind="tuple")
    boundary = Boundary(
        name="net",
        inputs=(TensorSpec(name="x", dtype="float32", shape=(BATCH, 4)),),
        outputs=(),
        input_structure=nothing,
        output_structure=nothing,
    )
    return OnnxGraph(
        model=ir.from_proto(onnx.parser.parse_model(_TEXT.format(last=last))),
        boundary=boundary,
    )


def inputs_of(count: int) -> Tensor:
    """Inputs of shape `(count, 4)`."""
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(1))


class Samples:
    """Samples of the net that can be iterated again; `pulls` counts how often they were."""

    def __init__(self, inputs: Tensor, *, indices: Sequence[int] | None = None) -> None:
        self.inputs = inputs
        self.indices = range(len(inputs)) if indices is None else indices
        self.pulls = 0

    def __iter__(self) -> Iterator[Sample]:
        self.pulls += 1
        for index in self.indices:
            yield Sample(boundary="net", index=index, inputs=(self.inputs[index : index + 1],))
