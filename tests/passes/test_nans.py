"""Where a NaN shows."""

from __future__ import annotations

import numpy as np
import onnx.parser
import onnx_ir as ir
import onnxruntime
import pytest
from onnx_ir.passes.common import ShapeInferencePass

from lightning_trt.passes.nans import is_shown_behind

SIZE = 6
HEAD = f'<ir_version: 8, opset_import: ["" : 18]> g (float[batch, 1, {SIZE}, {SIZE}] x) => (float[a, b, c, d] y)'
WEIGHT = "<float[1, 1, {0}, {0}] w = {{{1}}}>"


def model_of(nodes: str, kernel: int) -> ir.Model:
    """A graph whose `y` is what a convolution by ones makes of `h`."""
    weight = WEIGHT.format(kernel, ", ".join(["1"] * kernel**2))
    return ShapeInferencePass()(ir.from_proto(onnx.parser.parse_model(f"{HEAD} {weight} {{ {nodes} }}"))).model


def is_shown(model: ir.Model) -> bool:
    """Whether the pass says that a NaN of `h` shows in `y`."""
    (h,) = (value for node in model.graph for value in node.outputs if value.name == "h")
    return is_shown_behind(h, {"y"})


def shows_everywhere(model: ir.Model) -> bool:
    """Whether onnxruntime shows each NaN of `x` in `y`, wherever it is."""
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString(), providers=["CPUExecutionProvider"])
    images = np.ones((SIZE * SIZE, 1, SIZE, SIZE), np.float32)
    images.reshape(SIZE * SIZE, -1)[np.diag_indices(SIZE * SIZE)] = np.nan
    (y,) = session.run(None, {"x": images})
    return bool(np.isnan(y).any(axis=(1, 2, 3)).all())


@pytest.mark.parametrize(
    ("attributes", "kernel"),
    [
        ("", 1),
        ("", 3),
        ("strides = [2, 2]", 2),
        ("strides = [2, 2], pads = [1, 1, 1, 1]", 3),
        ("strides = [2, 2]", 1),
        ("strides = [2, 2]", 3),
        ("strides = [3, 3]", 2),
        ("dilations = [2, 2]", 2),
        ("strides = [4, 4]", 4),
        ('auto_pad = "SAME_UPPER"', 3),
    ],
)
def test_a_window_that_leaves_values_out_is_not_trusted(attributes: str, kernel: int) -> None:
    """Rule 2: what is said to show does show, in onnxruntime."""
    model = model_of(f"h = Identity(x) y = Conv<{attributes or 'group = 1'}>(h, w)", kernel)

    assert not is_shown(model) or shows_everywhere(model)


@pytest.mark.parametrize("attributes", ["strides = [2, 2], pads = [1, 1, 1, 1]", "pads = [1, 1, 1, 1]"])
def test_the_windows_of_a_residual_net_leave_nothing_out(attributes: str) -> None:
    """Rule 2: kernels of three by three, whole or halving."""
    assert is_shown(model_of(f"h = Identity(x) y = Conv<{attributes}>(h, w)", 3))


@pytest.mark.parametrize("nodes", ["i = Relu(h) y = Conv(i, w)", "i = Add(h, x) y = Relu(i)"])
def test_what_passes_a_nan_on_is_passed(nodes: str) -> None:
    """Rule 1: up to the tensor that is looked at."""
    model = model_of(f"h = Identity(x) {nodes}", 1)

    assert is_shown(model)
    assert shows_everywhere(model)


@pytest.mark.parametrize("operator", ["MaxPool<kernel_shape = [2, 2]>", "Sign", "GlobalMaxPool"])
def test_what_may_pass_over_a_nan_ends_the_way(operator: str) -> None:
    """Rule 1: only named operators are believed."""
    assert not is_shown(model_of(f"h = Identity(x) y = {operator}(h)", 1))
