"""Graphs written by hand, with random weights of uneven channels, and what they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
from passes.exported import run

if TYPE_CHECKING:
    from numpy.typing import NDArray


def written(body: str, **shapes: tuple[int, ...]) -> ir.Model:
    """The graph of `body`, from `x` of shape (batch, 4, 8, 8) to `y`, with constants of these shapes."""
    text = f'<ir_version: 8, opset_import: ["" : 18]> net (float[batch,4,8,8] x) => (y) {{ {body} }}'
    model = onnx.parser.parse_model(text)
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    generator = np.random.default_rng(0)
    for name, shape in shapes.items():
        uneven = 2.0 ** generator.integers(-4, 5, (shape[0], *(1 for _ in shape[1:])))
        array = (generator.normal(size=shape) * uneven).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    for name, numbers in {"axes": [2, 3], "flat": [0, -1]}.items():
        if name in body:
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(numbers, np.int64), name))
    for name, number in {"zero": 0.0, "six": 6.0}.items():
        if name in body:
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(number, np.float32), name))
    return ir.from_proto(model)


def rescaled(model: ir.Model, octaves: NDArray[np.int64], *, writers: str, readers: str) -> ir.Model:
    """The same function with channels moved by `octaves`: constants of `writers` by rows, of `readers` by columns."""
    moved = model.clone()
    for names, axis, sign in ((writers, 0, 1), (readers, 1, -1)):
        for name in names.split():
            constant = moved.graph.initializers[name]
            array = array_of(moved, name)
            along = [-1 if each == axis else 1 for each in range(array.ndim)]
            repeats = array.shape[axis] // len(octaves)
            grown = np.ldexp(array, sign * np.repeat(octaves, repeats).reshape(along))
            constant.const_value = ir.Tensor(grown, name=name)
    return moved


def array_of(model: ir.Model, name: str) -> NDArray[Any]:
    """Data of a constant."""
    tensor = model.graph.initializers[name].const_value
    assert tensor is not None
    return tensor.numpy()


def changed(before: ir.Model, after: ir.Model) -> set[str]:
    """Names of the constants that differ."""
    names = [name for name in before.graph.initializers if name is not None]
    return {name for name in names if not np.array_equal(array_of(before, name), array_of(after, name))}


def answer(model: ir.Model) -> NDArray[Any]:
    """Outputs for two images, the graph taken as it is."""
    images = np.random.default_rng(1).normal(size=(2, 4, 8, 8)).astype(np.float32)
    return run(model, {"x": images}, optimized=False)["y"]
